"""A journal is on disk line by line, and is read as far as it was written."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.source.inventory import TargetRun
from teleclaude.migration.source.run_record import JournaledRun
from teleclaude.migration.state.journal import (
    COMMIT,
    Interrupted,
    find_entry,
    find_record,
    read_journal,
    try_entry,
    write_entry,
    write_record,
)
from tests.support.record import RECORD

BEGIN = {"step": "transfer", "event": "begin"}


def test_a_journal_gives_its_record_back(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    write_entry(tmp_path, BEGIN)
    assert find_record(tmp_path) == RECORD


def test_a_journal_without_its_beginning_has_no_record(tmp_path: Path) -> None:
    write_entry(tmp_path, BEGIN)
    assert find_record(tmp_path) is None


def test_the_record_of_another_version_is_refused_in_one_sentence_that_names_the_journal(tmp_path: Path) -> None:
    write_entry(tmp_path, {"event": "start", "record": {"run": "x"}})
    with pytest.raises(SourceError, match=f"{tmp_path}/journal.jsonl .* another version"):
        find_record(tmp_path)


def test_entries_are_read_in_their_order_with_the_time_of_each(tmp_path: Path) -> None:
    for event in ("begin", "done"):
        write_entry(tmp_path, {"step": "probe", "event": event})
    entries = read_journal(tmp_path)
    assert [entry["event"] for entry in entries] == ["begin", "done"]
    assert entries[0]["at"] <= entries[1]["at"]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    write_entry(tmp_path, BEGIN)
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('[1]\n{"event": "comm')
    assert [entry["event"] for entry in read_journal(tmp_path)] == ["begin"]


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"[" * 100_000, b'{"event": "start"', b"null\n7\n"])
def test_a_damaged_journal_says_nothing_and_is_no_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.jsonl").write_bytes(content)
    assert read_journal(tmp_path) == ()


def test_a_folder_in_the_place_of_a_journal_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    assert read_journal(tmp_path) == ()


def test_the_last_entry_of_a_kind_is_found(tmp_path: Path) -> None:
    for rows in ({"a": 1}, {"a": 2}):
        write_entry(tmp_path, {**COMMIT, "rows": rows})
    found = find_entry(read_journal(tmp_path), COMMIT["event"])
    assert found is not None
    assert found["rows"] == {"a": 2}
    assert find_entry(read_journal(tmp_path), "settled") is None


def test_where_there_is_no_folder_there_are_no_entries_and_an_undo_goes_on(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "none") == ()
    try_entry(tmp_path / "none", BEGIN)
    with pytest.raises(FileNotFoundError):
        write_entry(tmp_path / "none", BEGIN)


def test_only_its_owner_reads_a_journal_and_no_link_is_followed(tmp_path: Path) -> None:
    write_entry(tmp_path, BEGIN)
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600
    (tmp_path / "journal.jsonl").rename(tmp_path / "elsewhere")
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        write_entry(tmp_path, BEGIN)


def test_the_start_names_the_process(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    line = json.loads((tmp_path / "journal.jsonl").read_text())
    assert (line["event"], line["pid"]) == ("start", os.getpid())


def test_a_run_that_was_cut_off_says_whether_it_is_complete(tmp_path: Path) -> None:
    pending = TargetRun("r", "pending", "/old", "00", "2026-01-01T00:00:00+00:00")
    cut_off = Interrupted("r", pending, JournaledRun(tmp_path, RECORD, committing=True))
    assert cut_off.record == RECORD
    assert "cut off after its commit" in cut_off.problem.message
    assert "--undo" in cut_off.problem.hint
    done = Interrupted("r", replace(pending, state="complete"), None)
    assert done.record is None
    assert "r is complete" in done.problem.message
    assert "--undo" not in done.problem.hint
