"""What exists is documented, and what is documented exists."""

import re

import pytest

from teleclaude import __version__
from teleclaude.cli import cli
from teleclaude.errors import Exit
from teleclaude.migration.load.convert import RULES, SILENT_RULES
from teleclaude.migration.pipeline import PREFLIGHT, STEPS
from tests.support.pages import ARCHITECTURE, README, ROOT, RUNBOOK, commands, flags, headings, rows


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
    known = {flag for command in commands(cli).values() for flag in flags(command)} | {"--help", "--createdb"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README + RUNBOOK)) <= known


@pytest.mark.parametrize("package", ["cli", "demo", "migration", "checks", "daemon", "db", "config"])
def test_every_package_is_on_the_map(package: str) -> None:
    assert f"`teleclaude/{package}`" in ARCHITECTURE


def test_every_module_of_the_migration_is_on_the_map() -> None:
    modules = {path.stem for path in (ROOT / "teleclaude/migration").glob("*.py")} - {"__init__"}
    assert {name for name in modules if f"`{name}`" not in ARCHITECTURE and f"{name}.py" not in ARCHITECTURE} == set()


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
