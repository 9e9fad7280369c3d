"""Files of every period migrate, and nothing of them is lost."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from teleclaude.demo.installation import SampleInstallation
from teleclaude.demo.postgres import Server
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.report.events import Finding, Left, TableResult
from teleclaude.migration.source.options import Options
from tests.support.periods import PERIODS, columns_of, make_old_database, value_of
from tests.support.sample import editing, migrate_sample, query, reading
from tests.support.standing import Migrated, stand

pytestmark = pytest.mark.usefixtures("daemon_here")

DAYS = [period.day for period in PERIODS]


class Past:
    """The files of every day, each migrated when it is first asked for."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.migrated: dict[str, Migrated] = {}

    async def of(self, day: str) -> Migrated:
        """Return the migration of the file of a day, to look at and not to change."""
        if day not in self.migrated:
            standing = await stand(self.server, self.folder / day)
            make_old_database(standing.sample.database, day)
            report = await migrate_sample(standing.options)
            assert report.ok, report.failure
            self.migrated[day] = Migrated(standing, report)
        return self.migrated[day]


@pytest.fixture(scope="module")
def past(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past(server, tmp_path_factory.mktemp("past"))


@pytest.mark.parametrize("day", DAYS)
async def test_a_file_of_any_period_migrates_whole(past: Past, day: str) -> None:
    migrated = await past.of(day)
    report, target = migrated.report, migrated.target
    with reading(migrated.sample) as source:
        names = [name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: source.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    arrived = {result.name: result.target_rows for result in report.all(TableResult)}
    assert {name: arrived[name] for name in counts if name != "sqlite_sequence"} == {
        name: rows for name, rows in counts.items() if name != "sqlite_sequence"
    }
    mappings = {mapping["column"]: mapping for mapping in report.header["columns"] if mapping["table"] == "sessions"}
    assert set(mappings) == set(columns_of(day))
    for column, mapping in mappings.items():
        place = mapping["to"].split(", ")[-1]
        table, _, name = place.rpartition(".")
        found = await query(target, f"SELECT \"{name}\"::text FROM {table} WHERE session_id = 'session-1'")
        if mapping["mapping"] in ("legacy", "consumed"):
            assert found == [(str(value_of(column, 1)),)]
        else:
            assert found[0][0] is not None


async def session(target: URL, *columns: str) -> tuple[Any, ...]:
    return (await query(target, f"SELECT {', '.join(columns)} FROM sessions WHERE session_id = 'session-1'"))[0]


@pytest.mark.parametrize(
    ("day", "origin"),
    [
        ("2025-10-31", "telegram"),
        ("2025-11-07", "redis"),
        ("2025-12-04", "discord"),
        ("2026-01-09", "last_input_adapter 1"),
    ],
)
async def test_the_origin_of_input_is_read_from_every_adapter_column(past: Past, day: str, origin: str) -> None:
    assert await session((await past.of(day)).target, "last_input_origin") == (origin,)


@pytest.mark.parametrize("day", ["2025-10-31", "2025-11-05", "2026-01-04"])
async def test_a_closed_session_stays_closed_since_its_last_activity(past: Past, day: str) -> None:
    columns = ("lifecycle_status", "closed_at = last_activity", "created_at AT TIME ZONE 'UTC'")
    found = await session((await past.of(day)).target, *columns)
    assert found[:2] == ("closed", True)
    assert str(found[2]) == "2025-12-24 19:15:00.000001"


async def test_an_open_session_stays_open(options: Options, sample: SampleInstallation, target: URL) -> None:
    make_old_database(sample.database, "2025-12-01")
    with editing(sample) as database:
        database.execute("UPDATE sessions SET closed = 0")
    assert (await migrate_sample(options, STEPS[:1])).ok
    assert await session(target, "lifecycle_status", "closed_at") == ("active", None)


async def test_the_state_of_the_interface_is_unpacked_and_kept(past: Past) -> None:
    target = (await past.of("2026-01-07")).target
    columns = ("output_message_id", "notification_sent", "native_session_id", "native_log_file", "active_agent")
    assert await session(target, *columns) == ("6000", True, "claude-1", "/home/ada/c.jsonl", "claude")
    kept = await query(target, "SELECT ux_state::jsonb->'pending_deletions' FROM legacy.sessions LIMIT 1")
    assert kept == [(["1"],)]


async def test_a_state_of_the_interface_that_is_no_json_is_kept_as_it_is(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    make_old_database(sample.database, "2026-01-07")
    with editing(sample) as database:
        database.execute("UPDATE sessions SET ux_state = '{broken'")
    assert (await migrate_sample(options, STEPS[:1])).ok
    assert await session(target, "active_agent") == (None,)
    assert await query(target, "SELECT DISTINCT ux_state FROM legacy.sessions") == [("{broken",)]


async def test_a_change_of_the_schema_that_was_left_half_done_loses_nothing(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    make_old_database(sample.database, "2026-01-07")
    with editing(sample) as database:
        for column in ("native_session_id", "active_agent", "last_input_origin", "last_output_raw"):
            database.execute(f"ALTER TABLE sessions ADD COLUMN {column} TEXT")
        database.execute("ALTER TABLE sessions ADD COLUMN last_feedback_received TEXT DEFAULT 'old'")
        database.execute("UPDATE sessions SET active_agent = 'codex' WHERE session_id = 'session-0'")
    assert (await migrate_sample(options, STEPS[:1])).ok
    columns = ("native_session_id", "active_agent", "last_input_origin", "last_output_raw")
    assert await session(target, *columns) == ("claude-1", "claude", "discord", "old")
    assert await query(target, "SELECT active_agent FROM sessions WHERE session_id = 'session-0'") == [("codex",)]


async def test_a_working_directory_becomes_project_and_subdirectory(past: Past) -> None:
    assert await session((await past.of("2025-12-01")).target, "project_path", "subdir") == (
        "/home/ada/shop",
        "trees/fix",
    )


async def test_old_feedback_and_tool_columns_arrive_under_their_new_names(past: Past) -> None:
    migrated = await past.of("2026-02-09")
    found = await session(migrated.target, "last_output_raw", "last_output_summary", "last_tool_use_at::text")
    assert found[:2] == ("last_feedback_received 1", "last_feedback_summary 1")
    assert found[2].startswith("2026-02-10 10:00:00.000002")
    columns = migrated.report.header["columns"]
    mappings = {mapping["column"]: mapping for mapping in columns if mapping["table"] == "sessions"}
    assert mappings["last_feedback_received"] == {
        "table": "sessions", "column": "last_feedback_received", "mapping": "mapped", "to": "sessions.last_output_raw"
    }  # fmt: skip


async def test_old_voices_become_a_service_and_a_voice(past: Past) -> None:
    target = (await past.of("2026-01-04")).target
    assert await query(target, "SELECT service_name, voice FROM voice_assignments") == [("openai", "nova")]
    assert await query(target, "SELECT voice_name, openai_voice FROM legacy.voice_assignments") == [("Nova", "nova")]


async def test_where_the_old_table_has_less_the_default_stands_and_is_reported_once(past: Past) -> None:
    migrated = await past.of("2026-01-09")
    found = await session(migrated.target, "visibility", "transcript_files", "human_email")
    assert found == ("private", [], None)
    said = [finding.problem.message for finding in migrated.report.all(Finding) if finding.subject == "sessions"]
    assert len(said) == 1
    assert "visibility" in said[0]
    assert "owner_uid" not in said[0]


REBUILT: list[tuple[str, str | None]] = [("sessions", day) for day in ("2025-12-01", "2026-01-09", "2026-02-09")] + [
    ("memory_observations", None),
    ("mirrors", None),
]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(("table", "day"), REBUILT)
async def test_a_table_whose_rebuilding_was_cut_off_before_the_renaming_arrives(
    options: Options, sample: SampleInstallation, target: URL, table: str, day: str | None, restarted: bool
) -> None:
    if day is not None:
        make_old_database(sample.database, day)
    with editing(sample) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        (rows,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
        (create,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        database.execute(f"ALTER TABLE {table} RENAME TO {table}_new")
        if restarted:
            database.execute(create)
    report = await migrate_sample(options, STEPS[:1])
    assert report.ok, report.failure
    assert await query(target, f"SELECT count(*) FROM {table}") == [(rows,)]
    said = [finding.problem.message for finding in report.all(Finding) if finding.subject == table]
    assert any(f"the rows were found in {table}_new" in message for message in said)


async def test_a_rebuilding_that_was_cut_off_before_the_dropping_leaves_both_tables(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.execute("CREATE TABLE sessions_new AS SELECT * FROM sessions LIMIT 3")
    report = await migrate_sample(options, STEPS[:1])
    assert report.ok, report.failure
    assert await query(target, "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM sessions_new)") == [
        (20, 3)
    ]


async def test_a_table_without_the_key_of_its_model_is_moved_as_something_else(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    make_old_database(sample.database, "2026-02-15")
    with editing(sample) as database:
        database.execute("CREATE TABLE mirrors (page TEXT, session_id)")
        database.execute("INSERT INTO mirrors VALUES ('a', NULL), ('a', 7)")
    report = await migrate_sample(options, STEPS[:1])
    assert report.ok, report.failure
    assert await query(target, "SELECT * FROM legacy.mirrors ORDER BY session_id") == [("a", 7), ("a", None)]


async def test_columns_that_differ_in_letters_that_sqlite_does_not_fold_are_two(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    kelvin = "wor\u212aing_slug"
    with editing(sample) as database:
        database.execute(f'ALTER TABLE sessions ADD COLUMN "{kelvin}"')
        database.execute(f"UPDATE sessions SET \"{kelvin}\" = 'kept', working_slug = 'own'")
    report = await migrate_sample(options, STEPS[:1])
    assert report.ok, report.failure
    found = await query(
        target, f'SELECT DISTINCT working_slug, "{kelvin}" FROM sessions JOIN legacy.sessions s USING (session_id)'
    )
    assert found == [("own", "kept")]


async def test_views_and_triggers_of_others_are_named_as_left(options: Options, sample: SampleInstallation) -> None:
    with editing(sample) as database:
        database.execute("CREATE VIEW open_sessions AS SELECT * FROM sessions WHERE closed_at IS NULL")
        database.execute("CREATE TRIGGER mine AFTER DELETE ON sessions BEGIN SELECT 1; END")
    report = await migrate_sample(options, STEPS[:1])
    left = [left.subject for left in report.all(Left)]
    named = [subject.split(" in ")[0] for subject in left if subject.startswith(("view", "trigger"))]
    assert named == ["trigger mine", "view open_sessions"]


STATES: list[tuple[Any, str | None, str | None]] = [
    ('{"native_session_id": "a\\u0000b"}', "a␀b", "a\x00b"),
    ('{"native_session_id": "\\ud83dx"}', "���x", "\udced\udca0\udcbdx"),
    ('{"native_session_id": "é😀"}', "é😀", None),
    ('{"native_session_id": "\\ud83d\\ude00"}', "😀", None),
    ('{"native_session_id": 98765432109876543210}', "98765432109876543210", None),
    ('{"native_session_id": "x", "polling_active": NaN}', "x", None),
    ('{"native_session_id": "old", "native_session_id": "new"}', "new", None),
    ('{"native_session_id": null, "claude_session_id": "c"}', "c", None),
    ('{"native_session_id": ["x", 1]}', '["x",1]', None),
    ('["native_session_id"]', None, None),
    ("[" * 5000, None, None),
    ("", None, None),
    (b"\xff{}", None, None),
    (7, None, None),
]


async def test_every_value_of_the_state_of_the_interface_is_read_whole(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    make_old_database(sample.database, "2026-01-07", sessions=len(STATES))
    with editing(sample) as database:
        for number, (state, _, _) in enumerate(STATES):
            database.execute("UPDATE sessions SET ux_state = ? WHERE session_id = ?", (state, f"session-{number}"))
    report = await migrate_sample(options, STEPS[:1])
    assert report.ok, report.failure
    found = await query(target, "SELECT session_id, native_session_id FROM sessions")
    assert dict(found) == {f"session-{number}": stored for number, (_, stored, _) in enumerate(STATES)}
    lines = (Path(report.header["folder"]) / "ledger.jsonl").read_text().splitlines()
    entries = [entry for entry in map(json.loads, lines) if entry["column"] == "native_session_id"]
    assert {entry["key"][0]: (entry["original"], entry["stored"]) for entry in entries} == {
        f"session-{number}": (original, stored) for number, (_, stored, original) in enumerate(STATES) if original
    }
    assert len(entries) == sum(original is not None for _, _, original in STATES)


async def test_messages_that_were_to_be_deleted_stay_in_the_state_and_are_counted_once(past: Past) -> None:
    report = (await past.of("2026-01-07")).report
    said = [finding.problem.message for finding in report.all(Finding) if finding.subject == "sessions.ux_state"]
    assert len(said) == 1
    assert said[0].startswith("ux_state names 3 messages to be deleted")
