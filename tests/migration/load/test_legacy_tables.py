"""Tables and columns whose names PostgreSQL cannot hold arrive under other names, and everything says which."""

from typing import Any

import pytest
from sqlalchemy import URL

from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Exit
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.report.events import Finding, TableResult
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options
from teleclaude.migration.values.identifiers import SYSTEM_COLUMNS, quote
from tests.support.command import teleclaude
from tests.support.sample import editing, migrate_sample, query

pytestmark = pytest.mark.usefixtures("daemon_here")


async def migrated_with(options: Options, sample: SampleInstallation, *statements: str) -> Report:
    with editing(sample) as database:
        for (index,) in database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'idx_%'").fetchall():
            database.execute(f"DROP INDEX {index}")
        for statement in statements:
            database.execute(statement)
    # Without the steps between them, which look at no name of the old database.
    return await migrate_sample(options, (STEPS[0], STEPS[-1]))


def rows_of(report: Report) -> dict[str, int]:
    return {result.name: result.target_rows for result in report.all(TableResult)}


async def comment_on(target: URL, table: str) -> Any:
    return (await query(target, f"SELECT obj_description('{table}'::regclass)"))[0][0]


async def test_two_names_that_the_server_would_cut_to_the_same_stay_two(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    long = "n" * 63
    statements = [f"CREATE TABLE {long}{end} ({long}a, {long}b)" for end in "ab"]
    inserts = [f"INSERT INTO {long}{end} VALUES ('{end}1', '{end}2')" for end in "ab"]
    report = await migrated_with(options, sample, *statements, *inserts)
    assert report.ok, report.failure
    arrived = [name for name in rows_of(report) if name.startswith("nnn")]
    assert len(arrived) == 2
    found = {comment_on_name: await query(target, f"SELECT * FROM {comment_on_name}") for comment_on_name in arrived}
    assert sorted(found.values()) == [[("a1", "a2")], [("b1", "b2")]]
    for name in arrived:
        assert f"{long}{found[name][0][0][0]} of the old database" in await comment_on(target, name)
        said = [finding.problem.message for finding in report.all(Finding) if finding.subject == name]
        assert any(f'"{long}{found[name][0][0][0]}"' in message for message in said)
        assert any(f'"{long}a" as ' in message for message in said)


KEYS = {"bare": "", "keyed": "PRIMARY KEY"}


async def test_a_column_with_the_name_of_a_system_column_arrives_under_another(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    tables = {f"{kind}_{column}": (column, key) for column in SYSTEM_COLUMNS for kind, key in KEYS.items()}
    create = [f"CREATE TABLE {name} ({column} TEXT {key}, b)" for name, (column, key) in tables.items()]
    fill = [f"INSERT INTO {name} VALUES ('one', 2)" for name in tables]
    more = [f"ALTER TABLE sessions ADD COLUMN {column} DEFAULT 'of {column}'" for column in SYSTEM_COLUMNS]
    report = await migrated_with(options, sample, *create, *fill, *more)
    assert report.ok, report.failure
    for name in tables:
        assert await query(target, f"SELECT * FROM {name}") == [("one", 2)]
    mappings = {(mapping["table"], mapping["column"]): mapping["to"] for mapping in report.header["columns"]}
    for column in SYSTEM_COLUMNS:
        table, name = mappings["sessions", column].rsplit(".", 1)
        assert table == "legacy.sessions"
        assert await query(target, f"SELECT DISTINCT {name} FROM {table}") == [(f"of {column}",)]


TAKEN = [
    "hook_outbox_id_seq", "idx_sessions_computer", "idx_mirrors_search", "sessions_pkey", "pk_sessions", "legacy",
    "alembic_version", "",
    "alembic_version_pkc", "audit_log", "pg_class", "PG_TYPE", "sessions_rejects", "a.b:c%d\"'\\", "ctid",
    "legacy.sessions", "extra_pkey", "uq_mirrors_source_identity", "operations_rejects",
]  # fmt: skip


async def test_every_name_that_is_taken_or_odd_arrives_with_its_rows(
    options: Options, sample: SampleInstallation
) -> None:
    create = [f"CREATE TABLE {quote(name)} (id INTEGER PRIMARY KEY, {quote(name)} TEXT)" for name in TAKEN]
    insert = [f"INSERT INTO {quote(name)} VALUES ({place}, '1')" for place, name in enumerate(TAKEN)]
    more = [f"CREATE TABLE {quote(name)} (a, {quote(name)})" for name in ("extra", "%s", ":x \\:y")]
    fill = [f"INSERT INTO {quote(name)} VALUES (1, 2), (1, 2)" for name in ("extra", "%s", ":x \\:y")]
    orphan = "INSERT INTO sessions (session_id, computer_name) VALUES (NULL, 'rejected')"
    report = await migrated_with(options, sample, *create, *insert, *more, *fill, orphan)
    assert report.ok, report.failure
    for name in TAKEN:
        mappings = [
            mapping["to"]
            for mapping in report.header["columns"]
            if (mapping["table"], mapping["column"]) == (name, "id")
        ]
        assert [rows_of(report)[mapping.removesuffix(".id")] for mapping in mappings] == [1], name


async def test_a_table_gives_way_to_whatever_the_database_already_has_of_its_name(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    await query(target, "CREATE SEQUENCE extra")
    await query(target, "CREATE TYPE kind AS ENUM ('a')")
    report = await migrated_with(
        options, sample, "CREATE TABLE extra (a)", "CREATE TABLE kind (a)", "INSERT INTO kind VALUES (1)"
    )
    assert report.ok, report.failure
    assert rows_of(report)["legacy.extra"] == 0
    assert rows_of(report)["legacy.kind"] == 1
    assert options.root is not None
    (path,) = options.root.glob("var/lib/teleclaude/migration/*/report.json")
    done = teleclaude("verify", "--report", str(path), PGPASSWORD=str(target.password))
    assert done.returncode == 0, done.stderr


async def test_as_many_columns_as_postgresql_holds_arrive_and_one_more_is_refused(
    options: Options, sample: SampleInstallation
) -> None:
    columns = [f"c{number}" for number in range(1600)]
    create = f"CREATE TABLE wide ({', '.join(columns)})"
    short = f"INSERT INTO wide VALUES ({', '.join(['NULL'] * 1600)})"
    numbers = f"INSERT INTO wide VALUES ({', '.join(map(str, range(1600)))})"
    texts = f"INSERT INTO wide VALUES ({', '.join(['hex(zeroblob(40))'] * 1600)})"
    keyed = f"CREATE TABLE keyed ({', '.join(columns)}, PRIMARY KEY ({', '.join(columns[:40])})) WITHOUT ROWID"
    report = await migrated_with(options, sample, create, short, numbers, texts, short, keyed)
    assert report.ok, report.failure
    (result,) = [result for result in report.all(TableResult) if result.name == "wide"]
    assert (result.source_rows, result.target_rows + result.rejected) == (4, 4)
    assert result.rejected > 0
    await refused(options, sample)


async def refused(options: Options, sample: SampleInstallation) -> None:
    assert options.root is not None
    again = Options(**{**vars(options), "root": options.root / "again", "dry_run": True})
    with editing(sample) as database:
        database.execute("ALTER TABLE wide ADD COLUMN one_more")
    report = await migrate_sample(again)
    assert report.exit_code == Exit.REFUSED
    messages = [finding.problem.message for finding in report.all(Finding)]
    assert "the table wide has 1601 columns to move; PostgreSQL holds 1600" in messages
