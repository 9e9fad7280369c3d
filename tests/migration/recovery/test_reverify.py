"""A later verification begins with the report of the run."""

import json
from pathlib import Path
from typing import Any

import pytest

from teleclaude.errors import ConfigError, Problem
from teleclaude.migration.recovery.recheck import Outcome, count_used, find_outcome, read_report
from teleclaude.migration.report.events import TableUse, error, warning
from tests.support.record import RECORD


def test_the_record_and_the_ledger_are_read_from_the_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"record": RECORD.to_json(), "ledger": {"path": "/r/ledger.jsonl", "entries": 1}}))
    assert read_report(path) == (RECORD, Path("/r/ledger.jsonl"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"record": RECORD.to_json(), "ledger": None}, "a run that moved nothing"),
        ({"record": {"run": "x"}, "ledger": None}, "is not the report of a migration"),
        ({}, "is not the report of a migration"),
        ([], "is not the report of a migration"),
    ],
)
def test_another_file_is_refused_by_its_name(tmp_path: Path, content: Any, said: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=said) as caught:
        read_report(path)
    assert caught.value.path == path
    with pytest.raises(ConfigError, match="there is no report"):
        read_report(tmp_path / "none.json")


def test_only_an_error_is_a_difference_and_use_is_none() -> None:
    written, differs = warning("source", Problem("was written to")), error("sessions", Problem("differs"))
    used = TableUse("sessions", added=2, removed=0, changed=1)
    assert find_outcome([written]) is Outcome.EQUAL
    assert find_outcome([written, used]) is Outcome.USED
    assert find_outcome([used, differs]) is Outcome.DIFFERS
    assert count_used([written, used, used]) == 6
