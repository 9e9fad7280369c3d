"""What a report says in short: the verdict, what was verified, and what needs attention."""

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest

from teleclaude.errors import Exit, Problem
from teleclaude.migration.report.events import Severity
from teleclaude.migration.report.summary import (
    describe_idle,
    find_attention,
    find_verified,
    is_kept,
    outcome,
    to_command,
    verdict,
)
from teleclaude.migration.run import _to_failure
from teleclaude.printable import count

TABLE = {"target_rows": 1000, "values_compared": 5000, "converted": 0}
DONE: dict[str, Any] = {
    "failure": None,
    "recovery": None,
    "load_rehearsed": None,
    "dry_run": False,
    "exit_code": Exit.DONE,
    "folder": "/run",
    "folder_kept": True,
    "root": None,
    "tables": [TABLE, TABLE],
    "source": {"files": [{"sha256_before": "a", "sha256_after": "a"}]},
    "idle_sessions": None,
    "sequences": [{"table": "mirrors", "column": "id", "verified": True}],
    "probe": {"ok": True, "sessions_listed": 20, "searches": 3},
    "findings": [],
    "cutover": [],
    "constraints": [],
    "lost_references": [],
    "ledger": None,
}
FAILED = {"failure": {"message": "it broke", "hint": "fix it"}}
ITEM = {"kind": "shell", "path": "/home/ada/.bashrc", "needed": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Done and proved."),
        (FAILED, "it broke"),
        ({"recovery": "undo"}, "Undone"),
        ({"dry_run": True}, "The rehearsal went well"),
        ({"dry_run": True, "load_rehearsed": False}, "The load was not rehearsed"),
    ],
)
def test_the_verdict_is_the_first_thing_to_know(changes: dict[str, Any], said: str) -> None:
    assert verdict({**DONE, **changes}).startswith(said)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Exit.REFUSED, "Nothing was written."),
        (Exit.UNDONE, "empty again."),
        (Exit.INTERRUPTED, "Everything was undone"),
        (Exit.NOT_UNDONE, "Not everything"),
        (1, ""),
    ],
)
def test_a_failure_says_what_is_left_of_it(code: int, said: str) -> None:
    shown = outcome({**DONE, **FAILED, "exit_code": code})
    assert said in shown
    assert bool(shown) is bool(said)
    assert outcome({**DONE, "exit_code": code}) == ""


def test_an_interrupt_itself_does_not_say_that_everything_was_undone() -> None:
    # Its message stays the same where an undo fails after it.
    assert "undone" not in _to_failure(asyncio.CancelledError(), Path("/run")).problem.message


def test_a_full_disk_is_named_by_the_file_or_by_the_folder_of_the_run() -> None:
    for path, named in (("/run/journal.jsonl", "/run/journal.jsonl"), (None, "/run")):
        said = _to_failure(OSError(errno.ENOSPC, "No space left on device", path), Path("/run")).problem
        assert said.message == f"{named}: No space left on device"
        assert said.hint.startswith("make room there")


def test_only_the_exit_code_says_what_is_left_and_no_word_of_the_failure() -> None:
    report = {**DONE, "failure": {"message": "nothing was there", "hint": ""}, "exit_code": Exit.NOT_UNDONE}
    assert outcome(report) == "Not everything could be undone."


@pytest.mark.parametrize(
    ("root", "command"),
    [(None, "sudo teleclaude report '/my run'"), ("/trial", "teleclaude report '/my run'")],
)
def test_the_command_that_prints_the_report_can_be_pasted(root: str | None, command: str) -> None:
    assert to_command({**DONE, "folder": "/my run", "root": root}) == command


def test_what_was_verified_is_counted_over_all_tables() -> None:
    rows, numbers, daemon, files = find_verified(DONE)
    assert rows == "2,000 rows in 2 tables; 10,000 values read back, all equal"
    assert numbers.startswith("1 sequence tried")
    assert "20 sessions" in daemon
    assert files.startswith("1 file of")


def test_values_that_were_changed_are_no_part_of_all_equal() -> None:
    changed = {**DONE, "tables": [{**TABLE, "converted": 1234}]}
    assert next(find_verified(changed)).endswith("all equal except the 1,234 in the ledger")


def test_nothing_is_verified_of_a_run_that_failed_or_was_taken_back() -> None:
    for changes in (FAILED, {"recovery": "undo"}):
        assert not is_kept({**DONE, **changes})
        assert list(find_verified({**DONE, **changes})) == []


def test_a_file_that_changed_and_a_daemon_that_failed_verify_nothing() -> None:
    changed = {"files": [{"sha256_before": "a", "sha256_after": "b"}]}
    shown = list(find_verified({**DONE, "source": changed, "probe": {**DONE["probe"], "ok": False}, "sequences": []}))
    assert len(shown) == 1


def test_notes_ask_for_no_attention_and_errors_come_first() -> None:
    findings = [
        {"severity": each, "subject": each, "message": "m", "hint": "h"} for each in ("note", "warning", "error")
    ]
    found = find_attention({**DONE, "findings": findings})
    assert [attention.severity for attention in found] == [Severity.ERROR, Severity.WARNING]
    assert found[0].problem == Problem("error: m", "h")


def test_a_cutover_that_is_to_be_done_has_a_script_after_a_migration() -> None:
    items = [ITEM, {**ITEM, "path": "/x"}, {**ITEM, "path": "/y", "needed": False}]
    [attention] = find_attention({**DONE, "cutover": items})
    assert attention.problem.message == "the cutover is still to be done: shell /home/ada/.bashrc and 1 more"
    assert attention.problem.hint == "read it, then run: sudo sh /run/cutover.sh"
    [attention] = find_attention({**DONE, "cutover": items, "dry_run": True})
    assert "cutover.sh" not in attention.problem.hint


def test_a_column_without_a_number_left_has_a_command() -> None:
    [attention] = find_attention({**DONE, "sequences": [{"table": "mirrors", "column": "id", "verified": False}]})
    assert "ALTER TABLE mirrors ALTER COLUMN id RESTART" in attention.problem.hint


def test_a_constraint_that_is_broken_has_the_query_that_lists_the_rows() -> None:
    broken = {"name": "one", "state": "not validated", "rows": 1200, "query": "SELECT 1"}
    [attention] = find_attention({**DONE, "constraints": [broken]})
    assert "1,200 rows" in attention.problem.message
    assert attention.query == "SELECT 1"


def test_references_that_lead_nowhere_are_counted_and_the_first_is_named() -> None:
    lost = {"path": "/docs/a.md", "line": 3, "reference": "@~/.teleclaude/docs/b.md", "why": "there is no such snippet"}
    [one] = find_attention({**DONE, "lost_references": [lost]})
    said = "1 reference in shared snippets leads to nothing that was copied, the first in /docs/a.md, line 3"
    assert one.problem.message == said
    [more] = find_attention({**DONE, "lost_references": [lost, lost]})
    assert more.problem.message.startswith("2 references in shared snippets lead to")
    assert find_attention({**DONE, **FAILED, "lost_references": [lost]}) == ()


def test_the_ledger_is_named_where_it_stays_and_a_flag_where_it_does_not() -> None:
    report = {**DONE, "ledger": {"path": "/run/ledger.jsonl", "entries": 3}}
    [kept] = find_attention(report)
    assert "ledger.jsonl" in kept.problem.hint
    [lost] = find_attention({**report, "folder_kept": False})
    assert "--report-dir" in lost.problem.hint
    assert find_attention({**report, "recovery": "undo"}) == ()


def test_one_of_a_kind_is_counted_in_the_singular() -> None:
    assert (count(1, "row"), count(0, "row"), count(1200, "row")) == ("1 row", "0 rows", "1,200 rows")
    assert (count(1, "search", "searches"), count(2, "search", "searches")) == ("1 search", "2 searches")


IDLE = {
    "open": 28,
    "over_1_day": 26,
    "over_3_days": 24,
    "over_30_days": 2,
    "longest_since": "2026-01-02T03:04:05Z",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (IDLE, "28 sessions are open, 24 of them idle for more than 3 days (the longest since 2026-01-02); the daemon"),
        ({**IDLE, "open": 1, "over_3_days": 0}, "1 session is open, 0 of them idle for more than 3 days"),
        ({**IDLE, "open": 0}, ""),
        (None, ""),
    ],
)
def test_how_long_open_sessions_have_been_idle_is_said(changes: dict[str, Any] | None, said: str) -> None:
    assert "".join(describe_idle({**DONE, "idle_sessions": changes})).startswith(said)


def test_nothing_is_said_of_sessions_that_were_taken_back() -> None:
    assert list(describe_idle({**DONE, **FAILED, "idle_sessions": IDLE})) == []
