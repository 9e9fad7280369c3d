"""The whole migration, from a single-user installation to a daemon that lists its sessions on PostgreSQL."""

import dataclasses
import json
import os
import random
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.discover.account import find_user_name
from teleclaude.migration.report.events import ConstraintResult, Finding, SourceFileResult, TableResult
from teleclaude.migration.source.options import Options
from tests.support.sample import editing, files_below, has_nothing, migrate_sample, query, reading
from tests.support.standing import Migrated

pytestmark = pytest.mark.usefixtures("daemon_here")


async def test_every_row_of_every_table_arrives(migrated: Migrated) -> None:
    results = migrated.report.all(TableResult)
    assert len(results) == 26
    for result in (result for result in results if not result.name.startswith("events.")):
        with reading(migrated.sample) as source:
            (rows,) = source.execute(f"SELECT count(*) FROM {result.name}").fetchone()
        assert rows > 0
        assert (result.source_rows, result.target_rows) == (rows, rows)
        assert await query(migrated.target, f"SELECT count(*) FROM {result.name}") == [(rows,)]


async def test_every_session_has_its_owner(migrated: Migrated) -> None:
    account = find_user_name(1000)
    named = f"the account {account} (uid 1000)" if account else "uid 1000 (no account of this computer)"
    why = f"Ada, as --person says; {named}, as --uid says"
    owner = {"person": "Ada", "uid": 1000, "account": account, "why": why, "sessions": 20}
    assert migrated.report.header["owner"] == owner
    found = await query(migrated.target, "SELECT DISTINCT owner_person, owner_uid FROM sessions")
    assert found == [("Ada", 1000)]


async def test_an_installation_in_a_folder_that_is_not_utf_8_arrives(
    options: Options, sample: SampleInstallation, target: URL, tmp_path: Path
) -> None:
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        sample.checkout.parent.rename(named)
    except OSError:
        pytest.skip("this file system holds only names in UTF-8")
    (named / "home/.teleclaude/people/Bob").rename(
        Path(os.fsdecode(os.fsencode(named) + b"/home/.teleclaude/people/Zo\xe9"))
    )
    config = named / "checkout/config.yml"
    config.write_text(config.read_text() + "experiments_folder: ${HOME}/x\n")
    moved = dataclasses.replace(options, source=named / "checkout", home=named / "home", root=named / "root")
    report = await migrate_sample(moved)
    assert report.ok, report.failure
    [(source,)] = await query(target, "SELECT source FROM migration_runs")
    assert source == f"{tmp_path}/caf\\xe9/checkout/teleclaude.db"


async def test_documents_can_be_queried(migrated: Migrated) -> None:
    jobs = await query(
        migrated.target, "SELECT DISTINCT session_metadata->>'job' FROM sessions WHERE session_metadata IS NOT NULL"
    )
    assert jobs == [("builder",)]
    ids = await query(migrated.target, "SELECT DISTINCT adapter_metadata#>'{discord,channel_id}' FROM sessions")
    assert (1279000000000000002,) in ids


@pytest.mark.parametrize("last", [None, 5000])
async def test_the_next_number_is_free_and_not_used_before(
    options: Options, sample: SampleInstallation, target: URL, last: int | None
) -> None:
    with editing(sample) as database:
        if last is not None:
            database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'hook_outbox'", (last,))
        (highest,) = database.execute("SELECT max(id) FROM hook_outbox").fetchone()
    assert (await migrate_sample(options)).ok
    insert = "INSERT INTO hook_outbox (session_id, event_type, payload) VALUES ('s', 'e', '{}') RETURNING id"
    assert await query(target, insert) == [((last or highest) + 1,)]


async def test_no_file_of_the_old_installation_changes(options: Options, sample: SampleInstallation) -> None:
    before = files_below(sample.checkout), files_below(sample.home)
    report = await migrate_sample(options)
    assert (files_below(sample.checkout), files_below(sample.home)) == before
    checked = report.all(SourceFileResult)
    assert str(sample.database) in {file.path for file in checked}
    assert all(file.sha256_before == file.sha256_after != "" for file in checked)


async def test_writes_that_are_only_in_the_wal_arrive(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    writer = sqlite3.connect(sample.database)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("INSERT INTO system_settings (key, value) VALUES ('only in the wal', 'x')")
    writer.commit()
    wal, base = Path(f"{sample.database}-wal").read_bytes(), sample.database.read_bytes()
    writer.close()
    # What a killed process leaves: the file as it was, and the WAL beside it.
    sample.database.write_bytes(base)
    Path(f"{sample.database}-wal").write_bytes(wal)
    before = files_below(sample.checkout)
    assert (await migrate_sample(options)).ok
    assert files_below(sample.checkout) == before
    assert await query(target, "SELECT value FROM system_settings WHERE key = 'only in the wal'") == [("x",)]


async def test_a_transaction_that_was_cut_off_is_taken_back_in_the_copy(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with closing(sqlite3.connect(sample.database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE sessions SET title = 'never committed', description = hex(randomblob(4000))")
        journal = Path(f"{sample.database}-journal")
        halves = {path: path.read_bytes() for path in (sample.database, journal)}
        writer.execute("ROLLBACK")
    for path, content in halves.items():
        path.write_bytes(content)
    assert b"never committed" in halves[sample.database]
    before = files_below(sample.checkout)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert files_below(sample.checkout) == before
    assert await query(target, "SELECT count(*) FROM sessions WHERE title = 'never committed'") == [(0,)]


async def test_a_folder_that_cannot_be_written_to_is_no_hindrance(options: Options, sample: SampleInstallation) -> None:
    sample.database.chmod(0o444)
    sample.checkout.chmod(0o555)
    report = await migrate_sample(options)
    sample.checkout.chmod(0o755)
    assert report.ok, report.failure


async def test_what_should_be_unique_and_is_not_leaves_its_index_out(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.execute("DROP INDEX idx_mirrors_source_identity")
        database.execute("UPDATE mirrors SET source_identity = 'twice' WHERE id <= 2")
        database.execute("UPDATE memory_observations SET project = ? WHERE id = 1", ("p" * 9000,))
    report = await migrate_sample(options)
    assert report.ok, report.failure
    broken = {result.name: result for result in report.all(ConstraintResult)}
    assert broken["idx_mirrors_source_identity"].rows == 2
    assert broken["idx_memory_obs_project"].rows == 1
    for result in broken.values():
        assert len(await query(target, result.query)) == result.rows


async def test_the_report_is_what_the_design_lists(migrated: Migrated) -> None:
    report = json.loads(json.dumps(migrated.report.to_json()))
    named = (
        "version run ok exit_code dry_run source target owner tables columns sequences constraints files docs probe"
        " left steps findings ledger undo"
    )
    assert [name for name in named.split() if name not in report] == []
    assert report["ok"] is True
    assert report["probe"]["verdict"]["backend"] == "postgresql"
    assert report["probe"]["sessions_listed"] == report["probe"]["sessions_expected"] == 20
    assert [step["name"] for step in report["steps"]] == [
        "preflight", "transfer", "publish_config", "publish_docs", "probe", "finish"
    ]  # fmt: skip
    assert migrated.target.password
    assert str(migrated.target.password) not in json.dumps(report)


async def test_the_report_lies_beside_the_ledger_for_its_owner_alone(migrated: Migrated) -> None:
    folder = migrated.root / "var/lib/teleclaude/migration" / migrated.report.header["run"]
    names = ["journal.jsonl", "ledger.jsonl", "report.html", "report.json", "since.sql"]
    names += ["rollback.sql", "rollback.txt"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    kept = json.loads((folder / "report.json").read_text())
    assert kept["tables"] == migrated.report.to_json()["tables"]


async def test_every_source_column_has_a_mapping(migrated: Migrated) -> None:
    with reading(migrated.sample) as source:
        names = [name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {(name, row[1]) for name in names for row in source.execute(f"PRAGMA table_info('{name}')")}
    listed = [mapping for mapping in migrated.report.header["columns"] if not mapping["table"].startswith("events.db")]
    mappings = {(mapping["table"], mapping["column"]): mapping["mapping"] for mapping in listed}
    assert set(mappings) == columns
    assert set(mappings.values()) == {"mapped", "left"}
    assert {name for (name, _), mapping in mappings.items() if mapping == "left"} == {
        name for name in names if "_fts" in name or name in ("sqlite_sequence", "schema_migrations")
    }


async def test_values_that_postgresql_refuses_are_in_the_ledger_with_their_original(migrated: Migrated) -> None:
    entries = [json.loads(line) for line in (migrated.folder / "ledger.jsonl").read_text().splitlines()]
    assert len(entries) == sum(table.converted for table in migrated.report.all(TableResult)) > 0
    with reading(migrated.sample) as source:
        for entry in entries:
            key = {"sessions": "session_id", "operations": "operation_id"}.get(entry["table"], "id")
            select = f"SELECT {entry['column']} FROM {entry['table']} WHERE {key} = ?"
            assert source.execute(select, entry["key"]).fetchone() == (entry["original"],)


async def test_the_configuration_takes_its_places(migrated: Migrated) -> None:
    root = migrated.root
    user = root / migrated.sample.home.relative_to("/") / ".teleclaude/config.yml"
    files = {root / "etc/teleclaude/config.yml": 0o644, root / "etc/teleclaude/secrets.yml": 0o600, user: 0o600}
    for path, mode in files.items():
        assert stat.S_IMODE(path.stat().st_mode) == mode
    system, secrets, own = (path.read_text() for path in files)
    for planted in (
        "sample-discord",
        "sample-redis",
        "sample-telegram",
        "sample-openai",
        "sample-hook",
        "sample-invite",
    ):
        assert planted in secrets
        assert planted not in system
        assert planted not in own
    assert yaml.safe_load(system)["computer"]["name"] == "workshop"
    assert yaml.safe_load(own)["creds"] == {"telegram": {"user_name": "ada_tg", "user_id": 123456789}}


async def test_snippets_are_published_as_files_with_a_new_index(migrated: Migrated) -> None:
    docs = migrated.root / "usr/local/share/teleclaude/docs"
    assert not any(path.is_symlink() for path in docs.rglob("*"))
    assert (docs / "baseline.md").read_text() == "# Baseline\n"
    reference = "- @/usr/local/share/teleclaude/docs/general/policy/commits.md\n"
    assert (docs / "general/concept/workbench.md").read_text().endswith(reference)
    assert sum(doc["references"] for doc in migrated.report.to_json()["docs"]) == 1
    index = yaml.safe_load((docs / "index.yaml").read_text())
    assert index["snippets_root"] == "/usr/local/share/teleclaude/docs"
    assert [snippet["id"] for snippet in index["snippets"]] == ["general/concept/workbench", "general/policy/commits"]
    assert index["snippets"][0]["path"] == "docs/general/concept/workbench.md"


async def test_tables_and_columns_that_the_models_do_not_know_arrive(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.executescript("""
            ALTER TABLE sessions ADD COLUMN user_role TEXT DEFAULT 'admin';
            CREATE TABLE recordings (recording_id INTEGER PRIMARY KEY, path TEXT, seconds REAL, raw BLOB, mixed);
            INSERT INTO recordings VALUES (1, 'a', 1.5, x'00ff', 1), (2, 'b', NULL, NULL, 'x');
            CREATE TABLE notes (text TEXT);
            INSERT INTO notes VALUES ('same'), ('same'), ('nul' || char(0));
        """)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    roles = await query(target, "SELECT count(*), min(user_role) FROM legacy.sessions")
    assert roles == [(20, "admin")]
    found = await query(target, "SELECT recording_id, path, seconds, raw, mixed FROM recordings ORDER BY 1")
    assert found == [(1, "a", 1.5, b"\x00\xff", "1"), (2, "b", None, None, "x")]
    assert sorted(await query(target, "SELECT text FROM notes")) == [("nul\u2400",), ("same",), ("same",)]
    comment = await query(target, "SELECT obj_description('recordings'::regclass)")
    assert "recordings" in comment[0][0]
    mappings = {(mapping["table"], mapping["column"]): mapping for mapping in report.header["columns"]}
    assert mappings["sessions", "user_role"]["to"] == "legacy.sessions.user_role"
    assert mappings["recordings", "raw"]["mapping"] == "legacy"


async def test_text_keys_of_legacy_tables_are_compared_byte_by_byte(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.executescript("""
            ALTER TABLE sessions ADD COLUMN user_role TEXT DEFAULT 'admin';
            CREATE TABLE recordings (path TEXT, part INTEGER, title TEXT, PRIMARY KEY (path, part));
            INSERT INTO recordings VALUES ('ä', 1, 'x'), ('z', 1, 'y');
        """)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    collated = "SELECT table_schema, table_name, column_name FROM information_schema.columns WHERE collation_name = 'C'"
    for table, key in (("legacy.sessions", "session_id"), ("public.recordings", "path")):
        found = await query(target, f"{collated} AND table_schema || '.' || table_name = '{table}'")
        assert found == [(*table.split("."), key)]
    assert await query(target, "SELECT path FROM recordings ORDER BY 1") == [("z",), ("ä",)]


async def test_names_that_are_ours_or_look_like_something_else_lose_nothing(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.executescript("""
            CREATE TABLE notes_fts (id INTEGER PRIMARY KEY, v); INSERT INTO notes_fts VALUES (1, 2);
            CREATE TABLE audit_log (foo, bar); INSERT INTO audit_log VALUES ('theirs', 1);
            CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY); INSERT INTO alembic_version VALUES ('theirs');
            CREATE TABLE pg_class (id INTEGER PRIMARY KEY, v); INSERT INTO pg_class VALUES (1, 'theirs');
            CREATE TABLE made (a INTEGER PRIMARY KEY, b GENERATED ALWAYS AS (a * 2) STORED);
            INSERT INTO made VALUES (4);
            ALTER TABLE sessions ADD COLUMN owner_person TEXT DEFAULT 'theirs';
            ALTER TABLE hook_outbox RENAME COLUMN payload TO Payload;
            CREATE VIEW seen AS SELECT 1;
        """)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert await query(target, "SELECT id, v FROM notes_fts") == [(1, 2)]
    assert await query(target, "SELECT foo, bar FROM legacy.audit_log") == [("theirs", 1)]
    assert await query(target, "SELECT version_num FROM legacy.alembic_version") == [("theirs",)]
    assert await query(target, "SELECT v FROM legacy.pg_class") == [("theirs",)]
    assert await query(target, "SELECT a, b FROM made") == [(4, 8)]
    assert await query(target, "SELECT DISTINCT owner_person FROM legacy.sessions") == [("theirs",)]
    assert await query(target, "SELECT count(payload) FROM hook_outbox") == [(6,)]


async def test_a_text_too_long_for_a_unique_constraint_leaves_it_out(
    options: Options, sample: SampleInstallation
) -> None:
    with editing(sample) as database:
        project = random.Random(1).randbytes(4000).hex()
        database.execute("INSERT INTO memory_manual_sessions VALUES ('long', ?, 1)", (project,))
    report = await migrate_sample(options)
    assert report.ok, report.failure
    broken = {result.name: result.state for result in report.all(ConstraintResult)}
    assert broken["memory_manual_sessions_project_key"] == "left out"


async def test_the_database_of_events_is_moved_to_a_schema_of_its_own(migrated: Migrated) -> None:
    target = migrated.target
    rows = {result.name: result.target_rows for result in migrated.report.all(TableResult)}
    assert rows["events.notifications"] == 2
    found = await query(target, "SELECT id, payload, idempotency_key FROM events.notifications ORDER BY id")
    assert found == [(1, '{"ratio": NaN}', "a"), (2, '{"job": "digest"}', "b")]
    assert await query(target, "SELECT tags, embedding FROM events.signal_items") == [("ai,databases", "[0.1, -2e-05]")]
    mappings = [
        mapping for mapping in migrated.report.header["columns"] if mapping["table"] == "events.db: notifications"
    ]
    assert len(mappings) == 20
    assert {mapping["mapping"] for mapping in mappings} == {"legacy"}


async def test_constraints_that_the_data_breaks_are_reported_with_a_query_that_lists_the_rows(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute("UPDATE inbound_queue SET status = 'odd' WHERE id <= 2")
    report = await migrate_sample(options)
    broken = {result.name: result for result in report.all(ConstraintResult)}
    assert broken["inbound_queue_status_check"].state == "left out"
    assert broken["pending_message_deletions_session_id_fkey"].state == "not valid"
    for result in broken.values():
        assert len(await query(target, result.query)) == result.rows
    orphan = (
        "INSERT INTO pending_message_deletions (session_id, message_id, deletion_type) VALUES ('no', '1', 'feedback')"
    )
    with pytest.raises(Exception, match="foreign key"):
        await query(target, orphan)


async def test_old_local_times_are_read_in_the_configured_zone_and_reported_once(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.execute("UPDATE sessions SET created_at = '2025-12-24T20:15:00.000001'")
    report = await migrate_sample(options)
    found = await query(target, "SELECT DISTINCT created_at AT TIME ZONE 'UTC' FROM sessions")
    assert str(found[0][0]) == "2025-12-24 19:15:00.000001"
    notes = [finding for finding in report.all(Finding) if finding.subject == "sessions.created_at"]
    assert len(notes) == 1
    assert "20 values" in notes[0].problem.message


async def test_a_second_run_onto_the_same_target_names_the_tables_that_hold_rows(
    migrated: Migrated, tmp_path: Path
) -> None:
    again = await migrate_sample(dataclasses.replace(migrated.options, root=tmp_path / "other"))
    assert again.exit_code == 3
    messages = " ".join(finding.problem.message for finding in again.all(Finding))
    assert "sessions (20)" in messages
    assert "operations (2)" in messages
    assert not (tmp_path / "other").exists()


async def test_a_schema_that_stands_empty_is_filled(options: Options, target: URL) -> None:
    async with disposing(make_engine(target)) as engine, engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
    report = await migrate_sample(options)
    assert report.ok
    keys = await query(target, "SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'f', 'u', 'c')")
    assert keys[0][0] > 30


async def test_a_rehearsal_keeps_nothing(options: Options, target: URL) -> None:
    report = await migrate_sample(dataclasses.replace(options, dry_run=True))
    assert report.ok, report.failure
    assert all(result.target_rows == result.source_rows for result in report.all(TableResult))
    assert report.undo == ()
    assert await has_nothing(target)
    assert options.root is not None
    assert not options.root.exists()


async def test_a_rehearsal_without_a_target_says_so_and_does_the_rest(options: Options) -> None:
    report = await migrate_sample(dataclasses.replace(options, dry_run=True, target=None))
    assert report.ok, report.failure
    assert any("no target" in finding.problem.message for finding in report.all(Finding))
    assert report.to_json()["files"]


async def test_rows_that_an_index_of_the_key_lacks_are_moved_or_rejected_and_counted(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    index = "sqlite_autoindex_system_settings_1"
    with editing(sample) as database:
        database.execute("PRAGMA writable_schema = ON")
        entry = database.execute("SELECT * FROM sqlite_master WHERE name = ?", (index,)).fetchone()
        (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'system_settings'").fetchone()
        database.execute("DELETE FROM sqlite_master WHERE name = ?", (index,))
        keyless = re.sub("PRIMARY KEY", "", sql)
        database.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'system_settings'", (keyless,))
    with editing(sample) as database:
        (rows,) = database.execute("SELECT count(*) FROM system_settings").fetchone()
        database.execute("INSERT INTO system_settings (key, value) SELECT key, 'again' FROM system_settings LIMIT 1")
        database.execute("INSERT INTO system_settings (key, value) VALUES ('not in the index', 'x')")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", entry)
        database.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'system_settings'", (sql,))
    report = await migrate_sample(options)
    assert report.ok, report.failure
    [result] = [each for each in report.all(TableResult) if each.name == "system_settings"]
    assert (result.source_rows, result.target_rows, result.rejected) == (rows + 2, rows + 1, 1)
    assert await query(target, "SELECT value FROM system_settings WHERE key = 'not in the index'") == [("x",)]
    assert any(f"the index {index} of" in finding.problem.message for finding in report.all(Finding))


async def test_json_in_blobs_our_audit_log_old_owners_and_rows_without_a_key_arrive(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.executescript("""
            UPDATE sessions SET session_metadata = CAST('{"job": "digest"}' AS BLOB);
            ALTER TABLE sessions ADD COLUMN owner_uid INTEGER DEFAULT 7;
            CREATE TABLE audit_log (id INTEGER PRIMARY KEY AUTOINCREMENT, actor_person TEXT NOT NULL,
                action_type TEXT NOT NULL, target_session_id TEXT, timestamp TEXT NOT NULL, detail TEXT);
            INSERT INTO audit_log VALUES (5, 'Ada', 'read', NULL, '2026-03-15 12:00:00', '{"n": 1}');
            UPDATE sqlite_sequence SET seq = '41' WHERE name = 'audit_log';
            CREATE TABLE loose (a, b); INSERT INTO loose VALUES (1, 'x' || char(0)), (2, 'x' || char(0));
        """)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert "owner_uid" in "".join(each.problem.message for each in report.all(Finding) if each.subject == "sessions")
    assert await query(target, "SELECT DISTINCT session_metadata ->> 'job' FROM sessions") == [("digest",)]
    assert await query(target, "SELECT DISTINCT owner_uid FROM legacy.sessions") == [(7,)]
    assert await query(target, "SELECT id, actor_person, detail ->> 'n' FROM audit_log") == [(5, "Ada", "1")]
    assert await query(target, "SELECT to_regclass('legacy.audit_log')") == [(None,)]
    added = "INSERT INTO audit_log (actor_person, action_type) VALUES ('Ada', 'read') RETURNING id"
    assert await query(target, added) == [(42,)]
    assert await query(target, "SELECT a, b FROM loose ORDER BY a") == [(1, "x\u2400"), (2, "x\u2400")]


async def test_the_sequence_of_the_hook_events_says_which_the_migration_brought(migrated: Migrated) -> None:
    sequence = "pg_get_serial_sequence('hook_outbox', 'id')::regclass"
    after_all = f"SELECT seqstart > (SELECT max(id) FROM hook_outbox) FROM pg_sequence WHERE seqrelid = {sequence}"
    assert await query(migrated.target, after_all) == [(True,)]
