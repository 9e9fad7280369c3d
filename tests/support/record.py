"""What a run wrote down when it began; nothing of it exists."""

from pathlib import Path

from teleclaude.migration.source.run_record import RunRecord

RECORD = RunRecord(
    run="20260101T000000Z-abcdef",
    started_at="2026-01-01T00:00:00+00:00",
    dry_run=False,
    checkout=Path("/home/ada/teleclaude"),
    home=Path("/home/ada"),
    root=None,
    person=None,
    uid=1000,
    timezone="Europe/Paris",
    batch_size=7,
    target="postgresql://ada@here/t",
    reached_by="postgresql://ada@here/t",
    schema_existed=True,
    sources=((Path("/home/ada/teleclaude/teleclaude.db"), "00ff"),),
    files=(Path("/etc/teleclaude/config.yml"),),
    docs=Path("/usr/local/share/teleclaude/docs"),
    snippets=(Path("a/b.md"),),
    private=Path("/tmp/x"),
    new_directories=(),
)
