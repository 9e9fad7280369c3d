"""The last page: one screen for people, less where it is to be quiet, and no colour where none is wanted."""

import dataclasses
import io
import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from rich.console import Console
from sqlalchemy import URL

from teleclaude.cli.page import MOST_ATTENTION, print_page
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Exit, Problem
from teleclaude.migration.report.events import TableResult, error, warning
from teleclaude.migration.report.report import Failure, Report, StepRun
from teleclaude.migration.source.options import Options
from tests.support.command import on_a_terminal, teleclaude, to_arguments
from tests.support.pointing import point_to
from tests.support.sample import migrate_sample
from tests.support.standing import Migrated

COLUMNS = 100


def printed(report: Report, *, quiet: bool = False) -> str:
    file = io.StringIO()
    print_page(report, Console(file=file, width=COLUMNS, highlight=False), quiet=quiet)
    return file.getvalue()


@pytest.mark.usefixtures("daemon_here")
async def test_a_normal_run_ends_on_one_screen(options: Options, sample: SampleInstallation, target: URL) -> None:
    point_to(sample)
    # Our own account is one that every computer has.
    report = await migrate_sample(dataclasses.replace(options, uid=os.getuid()))
    assert report.ok, report.failure
    assert options.root is not None
    # Names as long as they are on a computer where nothing is below a root.
    usual = {
        str(options.root): "",
        str(sample.home): "/home/ada",
        str(sample.checkout): "/home/ada/teleclaude",
        f"/{target.database}?host={quote(str(target.query['host']), safe='')}": "localhost/teleclaude",
    }
    page = printed(report)
    for long, name in usual.items():
        page = page.replace(long, name)
    height = sum(max(1, -(-len(line) // COLUMNS)) for line in page.splitlines())
    assert 24 <= height <= 42, page


async def test_a_page_says_where_everything_is_and_every_command_that_goes_back(migrated: Migrated) -> None:
    page = printed(migrated.report)
    for name in ("report.html", "ledger.jsonl", "rollback.txt"):
        assert str(migrated.folder / name) in page
    changing = "\n".join(migrated.report.undo).split("# 2.")[1].splitlines()
    assert [line for line in changing if line not in page] == []


async def test_a_page_says_what_comes_next_before_it_says_how_to_go_back(migrated: Migrated) -> None:
    page = printed(migrated.report)
    assert f"What comes next:\n  teleclaude daemon --root {migrated.root}\nTo go back:" in page
    assert "What comes next" not in printed(migrated.report, quiet=True)


def said(number: int) -> Problem:
    return Problem("said", f"remedy {number}")


async def test_a_page_shows_the_first_of_many_findings_and_counts_the_rest(migrated: Migrated) -> None:
    many = StepRun("preflight", "done", 0.0, tuple(warning(f"subject {n}", said(n)) for n in range(9)))
    page = printed(dataclasses.replace(migrated.report, steps=(many,)))
    assert [n for n in range(9) if f"! subject {n}: said → remedy {n}" in page] == [*range(MOST_ATTENTION)]
    assert "and 5 more, in the report\n" in page
    assert f"as text: teleclaude report {migrated.folder}\n" in page


async def test_everything_that_must_be_fixed_is_said_at_once(migrated: Migrated) -> None:
    many = StepRun("preflight", "done", 0.0, tuple(error(f"subject {n}", said(n)) for n in range(9)))
    refused = Failure(Problem("refused", "fix what is listed"), "Refused", Exit.REFUSED)
    page = printed(dataclasses.replace(migrated.report, steps=(many,), failure=refused, undo=()))
    assert [n for n in range(9) if f"✗ subject {n}: said → remedy {n}" in page] == [*range(9)]


def test_a_quiet_run_says_what_needs_attention_and_where_the_report_is(options: Options) -> None:
    done = teleclaude("migrate-to-system", *to_arguments(options), "--yes", "--quiet")
    assert done.returncode == 0
    assert done.stderr == ""
    said = done.stdout.splitlines()
    assert {line[:2] for line in said[:-3]} == {"! ", "  "}
    assert [line.split(": ")[0] for line in said[-3:]] == ["report", "as text", "ledger"]


def test_a_quiet_run_that_is_refused_says_why(options: Options, sample: SampleInstallation) -> None:
    sample.database.unlink()
    done = teleclaude("migrate-to-system", *to_arguments(options), "--yes", "--quiet")
    assert (done.returncode, done.stdout) == (3, "")
    assert "there is no database at" in done.stderr
    assert "▸" not in done.stderr


@pytest.mark.parametrize("command", ["migrate-to-system", "self-check"])
def test_no_color_takes_the_colours_from_a_terminal(command: str, options: Options) -> None:
    flags = to_arguments(options) if command == "migrate-to-system" else ["--root", str(options.root)]
    assert "\x1b[3" in on_a_terminal(command, *flags, NO_COLOR="")
    assert "\x1b[3" not in on_a_terminal(command, *flags, NO_COLOR="1")


def test_elsewhere_than_on_a_terminal_lines_are_plain_and_whole(options: Options) -> None:
    done = teleclaude("migrate-to-system", *to_arguments(options), "--yes", COLUMNS="40", FORCE_COLOR="")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stderr
    assert f"report: {options.root}/var/lib/teleclaude/migration/" in done.stdout


async def test_a_page_is_printed_where_the_folder_of_the_run_cannot_be_looked_at(migrated: Migrated) -> None:
    # As for a person before the folders of root, the system refuses to look.
    page = printed(dataclasses.replace(migrated.report, header={**migrated.report.header, "folder": f"/{'x' * 300}"}))
    assert "report: --json prints it" in page


async def test_a_run_that_was_taken_back_says_so_and_shows_nothing_as_verified(migrated: Migrated) -> None:
    failed = Failure(Problem("the disk is full", "make room"), "PublishError", Exit.UNDONE)
    page = printed(dataclasses.replace(migrated.report, failure=failed, undo=()))
    assert "the disk is full. Everything was undone: the target is empty again." in page
    assert "✓" not in page


async def test_a_table_that_has_the_name_of_markup_is_named(migrated: Migrated) -> None:
    table = TableResult("[/bold]\x1b[2J", 10**6, 10**6, 0, 1, 0, 0.1)
    page = printed(dataclasses.replace(migrated.report, steps=(StepRun("transfer", "done", 0.1, (table,)),)))
    assert "[/bold]\\x1b[2J" in page


@pytest.mark.parametrize("zone", ["\x1b[2JEurope", "\u202eeporuE", "Mars\n✓ all is well"])
def test_what_the_old_configuration_says_does_not_work_on_the_terminal(
    options: Options, sample: SampleInstallation, zone: str
) -> None:
    with (sample.checkout / "config.yml").open("w") as file:
        json.dump({"computer": {"name": "workshop", "timezone": zone}}, file)
    for flags in ([], ["--json"]):
        done = teleclaude("migrate-to-system", *to_arguments(options), "--yes", *flags)
        assert done.returncode == 3
        assert f" is {zone!r}, which is no time zone" in done.stderr
        assert zone not in done.stdout + done.stderr


def test_an_error_that_stops_a_command_does_not_work_on_the_terminal(tmp_path: Path) -> None:
    done = teleclaude("verify", "--report", str(tmp_path / "\x1b[2J.json"))
    assert done.returncode == 3
    assert "\\x1b[2J.json" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_rehearsal_without_a_target_says_what_was_not_rehearsed(options: Options) -> None:
    flags = [flag for flag in to_arguments(options) if flag not in ("--target", options.target)]
    for quiet in ((), ("--quiet",)):
        said = teleclaude("migrate-to-system", *flags, "--dry-run", *quiet).stdout
        assert "The load was not rehearsed" in said
