"""What is written down of a run is read again as it was, whatever its paths are called."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from teleclaude.migration.source.run_record import RunRecord

ODD = Path(os.fsdecode(b"/home/ad\xe9"))
RECORD = RunRecord(
    run="20260101T000000Z-abcdef",
    started_at="2026-01-01T00:00:00+00:00",
    dry_run=False,
    checkout=ODD / "teleclaude",
    home=ODD,
    root=None,
    person=None,
    uid=1000,
    timezone="Europe/Paris",
    batch_size=7,
    target="postgresql://ada@here/t",
    reached_by="postgresql://ada@here/t?passfile=/x",
    schema_existed=True,
    sources=((ODD / "teleclaude.db", "00ff"),),
    files=(Path("/etc/teleclaude/config.yml"),),
    docs=Path("/usr/local/share/teleclaude/docs"),
    snippets=(Path("a/b.md"),),
    private=Path("/tmp/x"),
    new_directories=(),
)


@pytest.mark.parametrize("record", [RECORD, dataclasses.replace(RECORD, root=Path("/r"), target=None, reached_by=None)])
def test_a_record_is_read_again_as_it_was(record: RunRecord) -> None:
    assert RunRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize("values", [None, [], {}, {**RECORD.to_json(), "files": None}, {"event": "start"}])
def test_something_else_is_no_record(values: Any) -> None:
    with pytest.raises(ValueError, match="RunRecord"):
        RunRecord.from_json(values)
