"""What exists is documented, and what is documented exists."""

import re
import tomllib

from teleclaude import __version__
from teleclaude.cli import cli
from teleclaude.errors import Exit
from teleclaude.migration.load.convert import RULES, SILENT_RULES
from teleclaude.migration.pipeline import PREFLIGHT, STEPS
from tests.support.pages import ARCHITECTURE, README, ROOT, RUNBOOK, commands, flags, headings, rows

LAYERS: dict[str, list[str]] = {
    contract["containers"][0]: contract["layers"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    if contract["type"] == "layers"
}
"""What may import what, from top to bottom."""


def test_every_command_is_in_the_readme_and_every_one_in_the_readme_exists() -> None:
    for name in commands(cli):
        assert f"teleclaude {name}" in README
    for words in re.findall(r"teleclaude ((?:[a-z][a-z-]+ ?)+)", "\n".join(re.findall(r"```(.*?)```", README, re.S))):
        assert any((words.strip() + " ").startswith(name + " ") for name in commands(cli)), words


def test_every_flag_of_the_migration_is_documented_and_the_reverse() -> None:
    documented = {flag.split()[0] for flag in rows(RUNBOOK, "Flags")}
    assert documented == flags(commands(cli)["migrate-to-system"])


def test_every_exit_code_is_documented_and_the_reverse() -> None:
    assert set(rows(RUNBOOK, "Exit codes")) == {str(int(code)) for code in Exit}


def test_every_step_is_documented_in_its_order() -> None:
    assert list(rows(RUNBOOK, "Steps")) == ["discover", PREFLIGHT.name, *(step.name for step in STEPS)]


def test_every_flag_in_the_pages_exists() -> None:
    known = {flag for command in commands(cli).values() for flag in flags(command)} | {"--help", "--createdb", "--now"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README + RUNBOOK)) <= known


def test_every_package_is_on_the_map_in_the_order_of_the_imports() -> None:
    listed = [name for row in rows(ARCHITECTURE, "The packages") for name in re.findall(r"\w+", row)]
    order = [name for layer in LAYERS["teleclaude"] for name in layer.split(" | ")]
    assert listed == order[1:]
    assert order[0] == "__main__"


def test_every_room_of_the_migration_is_on_the_map_and_the_reverse() -> None:
    listing = ARCHITECTURE.split("\n## The rooms of the migration\n")[1].split("```")[1]
    entries = {path.name + "/" * path.is_dir() for path in (ROOT / "teleclaude/migration").glob("[!_]*")}
    assert {line.split()[0] for line in listing.strip().splitlines()} == entries


def test_the_order_of_the_rooms_on_the_map_is_that_of_the_contract() -> None:
    assert f"`{' > '.join(LAYERS['teleclaude.migration'])}`" in ARCHITECTURE


def test_every_module_that_the_map_names_exists() -> None:
    package = ROOT / "teleclaude"
    folders = {path.name for parent in (package, package / "migration") for path in parent.glob("[!_]*/")}
    names = set(re.findall(rf"`((?:{'|'.join(folders)})/[\w/.]+)`", ARCHITECTURE))
    found = {
        name
        for name in names
        for parent in (package, package / "migration")
        if any((parent / f"{name}{end}").exists() for end in ("", ".py"))
    }
    assert names - found == set()
    assert len(names) > 25


def test_every_task_of_run_is_in_its_help_and_the_readme_names_those_for_everyone() -> None:
    script = (ROOT / "run").read_text()
    tasks = set(re.findall(r"^    ([a-z-]+)\)$", script, re.M))
    helped = set(re.findall(r"^  ([a-z-]+)  ", script, re.M))
    assert tasks == helped
    assert {"demo", "test", "check", "exec"} <= set(re.findall(r"\./run ([a-z]+)", README))


def test_every_link_in_the_pages_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for link, place in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
            if not link.startswith("https://"):
                led = page.parent / link if link else page
                assert led.exists(), f"{page.name}: {link}"
                assert place in ("", *headings(led.read_text())), f"{page.name}: {link}#{place}"


def test_the_changelog_begins_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(.*?)\](?: - \d{4}-\d{2}-\d{2})?$", changelog, re.M)
    assert versions[:2] == ["Unreleased", __version__]


def test_the_picture_asks_nothing_of_the_network() -> None:
    picture = (ROOT / "docs/run.svg").read_text()
    assert set(re.findall(r"https?://[^\"' )]+", picture)) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
    }
    assert "Done and proved." in picture.replace("&#160;", " ")


def test_every_rule_for_values_is_documented_as_the_code_has_it() -> None:
    page = (ROOT / "docs/fidelity.md").read_text()
    for rule, text in RULES.items():
        comes_in, stored = text.rsplit(": ", 1)
        listed = "no, counted for each column" if rule in SILENT_RULES else "yes"
        assert f"| `{rule}` | {comes_in} | {stored} | {listed} |" in page
    assert set(rows(page, "Rules")) == set(RULES)
