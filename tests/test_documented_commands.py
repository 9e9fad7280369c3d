"""Every command that a page shows is one: it parses, and those that need no more than a scratch installation run."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sqlalchemy import URL

from teleclaude.cli import cli
from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.source.options import Options
from tests.support.command import teleclaude
from tests.support.pages import ROOT, commands

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^ *```\n(.*?)^ *```$", re.M | re.S)
TASKS = set(re.findall(r"^    ([a-z-]+)\)$", (ROOT / "run").read_text(), re.M))
OURS = ("teleclaude", "./run", "bin/install-system.sh", "bin/migrate-to-system.sh")


def blocks() -> Iterator[tuple[str, str]]:
    """Yield every shell block of the pages, and the examples of the commands' help."""
    for page in PAGES:
        yield from ((page.name, block) for block in BLOCK.findall(page.read_text()))
    for name, command in commands(cli).items():
        for example in re.findall(r"^(?:  |Examples?: )(.*teleclaude .*)$", command.epilog or "", re.M):
            yield f"teleclaude {name} --help", example


def documented() -> Iterator[tuple[str, str]]:
    """Yield the command lines that are ours: words without what a shell or `sudo` takes for itself."""
    for place, block in blocks():
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r" && | \| |\$\(", re.sub(r"(^| )#.*", "", line)):
                words = part.split()
                while words and re.match(r"(sudo|eval|\./run|exec|--preserve-env=\w+|[A-Z]+=\S*)$", words[0]):
                    if words[0] == "./run" and words[1:2] != ["exec"]:
                        break
                    del words[0]
                # A pooler's settings look like ours.
                if words and words[0] in OURS and words[1:2] != ["="]:
                    yield place, " ".join(words)


DOCUMENTED = sorted(set(documented()))


def test_the_pages_show_commands_of_every_kind() -> None:
    assert {line.split()[0] for _, line in DOCUMENTED} == set(OURS)
    assert len(DOCUMENTED) > 25


@pytest.mark.parametrize(("place", "line"), DOCUMENTED)
def test_a_command_that_is_shown_is_understood(
    place: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("config.yml", ".env"):
        (tmp_path / name).touch()
    program, *words = shlex.split(line.split(" > ", maxsplit=1)[0].removesuffix(')"'))
    if program == "./run":
        assert words[0] in TASKS
    elif program == "bin/install-system.sh":
        # Everything before is looked at first.
        assert (
            subprocess.run(["sh", ROOT / program, *words, "--help"], capture_output=True, check=False).returncode == 0
        )
    elif program == "bin/migrate-to-system.sh":
        parse(cli, ["migrate-to-system", *words])
    else:
        parse(cli, words)


def parse(command: click.Command, words: list[str]) -> None:
    """Read a command line as the program would; raises UsageError."""
    while isinstance(command, click.Group):
        with command.make_context("teleclaude", [*words[:1], "--help"], resilient_parsing=True) as context:
            _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    command.make_context("teleclaude", list(words))


def test_a_trial_of_the_pages_runs_from_the_migration_to_the_proof(
    options: Options, sample: SampleInstallation, target: URL, tmp_path: Path
) -> None:
    lines = {line for _, line in DOCUMENTED}
    assert options.root is not None
    trial = {"postgresql:///trial": str(options.target), "/tmp/trial": str(options.root)}
    migrate = "teleclaude migrate-to-system --target postgresql:///trial --root /tmp/trial"
    assert migrate in lines
    words = [trial.get(word, word) for word in migrate.split()[1:]]
    done = teleclaude(*words, "--yes", "--person", "Ada", "--uid", "1000", HOME=str(sample.home))
    assert done.returncode == 0, done.stderr
    (report,) = options.root.glob("var/lib/teleclaude/migration/*/report.json")
    for line, files in {
        "teleclaude verify --report FILE": {"FILE": str(report)},
        "teleclaude self-check --root /tmp/trial": trial,
        "teleclaude config split --config config.yml --env .env --output-dir new": {
            "config.yml": str(sample.checkout / "config.yml"),
            ".env": str(sample.checkout / ".env"),
            "new": str(tmp_path / "new"),
        },
        "teleclaude completion bash": {},
    }.items():
        assert line in lines
        ran = teleclaude(*[files.get(word, word) for word in line.split()[1:]], PGPASSWORD=target.password or "")
        assert ran.returncode == 0, f"{line}: {ran.stdout}{ran.stderr}"
        assert ran.stdout
