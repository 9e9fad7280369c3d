"""What a report says in short: verdict, proofs, and what asks for attention."""

from typing import Any

import pytest

from teleclaude.errors import Exit
from teleclaude.migration.report.events import Severity
from teleclaude.migration.report.summary import find_attention, find_proofs, outcome, stands, verdict

TABLE = {"target_rows": 1000, "values_compared": 5000, "converted": 0}
DONE: dict[str, Any] = {
    "failure": None,
    "recovery": None,
    "load_rehearsed": None,
    "dry_run": False,
    "exit_code": Exit.DONE,
    "folder": "/run",
    "folder_stays": True,
    "root": None,
    "tables": [TABLE, TABLE],
    "source": {"files": [{"sha256_before": "a", "sha256_after": "a"}]},
    "sequences": [{"table": "mirrors", "column": "id", "proved": True}],
    "probe": {"ok": True, "sessions_listed": 20, "searches": 3},
    "findings": [],
    "cutover": [],
    "constraints": [],
    "ledger": None,
}
FAILED = {"failure": {"message": "it broke", "hint": "fix it"}}
LEAD = {"kind": "shell", "path": "/home/ada/.bashrc", "needed": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Done and proved."),
        (FAILED, "it broke"),
        ({"recovery": "undo"}, "Taken back"),
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
        (Exit.NOT_UNDONE, "Not everything"),
        (1, ""),
    ],
)
def test_a_failure_says_what_is_left_of_it(code: int, said: str) -> None:
    shown = outcome({**DONE, **FAILED, "exit_code": code})
    assert said in shown
    assert bool(shown) is bool(said)
    assert outcome({**DONE, "exit_code": code}) == ""


def test_a_failure_that_says_itself_that_nothing_was_written_is_not_doubled() -> None:
    report = {**DONE, "failure": {"message": "nothing was written", "hint": ""}, "exit_code": Exit.REFUSED}
    assert outcome(report) == ""


def test_what_was_proved_is_counted_over_all_tables() -> None:
    rows, numbers, daemon, files = find_proofs(DONE)
    assert rows == "2,000 rows in 2 tables; 10,000 values read back, all equal"
    assert numbers.startswith("1 sequences")
    assert "20 sessions" in daemon
    assert files.startswith("1 files")


def test_values_that_were_changed_are_no_part_of_all_equal() -> None:
    changed = {**DONE, "tables": [{**TABLE, "converted": 1234}]}
    assert next(find_proofs(changed)).endswith("all equal, but for the 1,234 that the ledger lists")


def test_nothing_is_proved_that_does_not_stand() -> None:
    for changes in (FAILED, {"recovery": "undo"}):
        assert not stands({**DONE, **changes})
        assert list(find_proofs({**DONE, **changes})) == []


def test_a_file_that_changed_and_a_daemon_that_failed_are_proofs_of_nothing() -> None:
    changed = {"files": [{"sha256_before": "a", "sha256_after": "b"}]}
    shown = list(find_proofs({**DONE, "source": changed, "probe": {**DONE["probe"], "ok": False}, "sequences": []}))
    assert len(shown) == 1


def test_notes_ask_for_no_attention_and_errors_come_first() -> None:
    findings = [
        {"severity": each, "subject": each, "message": "m", "hint": "h"} for each in ("note", "warning", "error")
    ]
    found = find_attention({**DONE, "findings": findings})
    assert [attention.severity for attention in found] == [Severity.ERROR, Severity.WARNING]
    assert (found[0].what, found[0].remedy) == ("error: m", "h")


def test_what_still_leads_to_the_old_installation_has_a_script_after_a_migration() -> None:
    leads = [LEAD, {**LEAD, "path": "/x"}, {**LEAD, "path": "/y", "needed": False}]
    [attention] = find_attention({**DONE, "cutover": leads})
    assert attention.what == "shell /home/ada/.bashrc and 1 more still lead to the old installation"
    assert attention.remedy == "read it, then: sudo sh /run/cutover.sh"
    [attention] = find_attention({**DONE, "cutover": leads, "root": "/trial"})
    assert "sudo" not in attention.remedy
    [attention] = find_attention({**DONE, "cutover": leads, "dry_run": True})
    assert "cutover.sh" not in attention.remedy


def test_a_column_without_a_number_left_has_a_command() -> None:
    [attention] = find_attention({**DONE, "sequences": [{"table": "mirrors", "column": "id", "proved": False}]})
    assert "ALTER TABLE mirrors ALTER COLUMN id RESTART" in attention.remedy


def test_a_constraint_that_is_broken_has_the_query_that_lists_the_rows() -> None:
    broken = {"name": "one", "state": "not validated", "rows": 1200, "query": "SELECT 1"}
    [attention] = find_attention({**DONE, "constraints": [broken]})
    assert "1,200 rows" in attention.what
    assert attention.query == "SELECT 1"


def test_the_ledger_is_named_where_it_stays_and_a_flag_where_it_does_not() -> None:
    report = {**DONE, "ledger": {"path": "/run/ledger.jsonl", "entries": 3}}
    [kept] = find_attention(report)
    assert "ledger.jsonl" in kept.remedy
    [lost] = find_attention({**report, "folder_stays": False})
    assert "--report-dir" in lost.remedy
    assert find_attention({**report, "recovery": "undo"}) == ()
