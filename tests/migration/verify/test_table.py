"""The verification finds what somebody or something changed on the way."""

import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from teleclaude.daemon.writes import Writes
from teleclaude.demo.installation import SampleInstallation
from teleclaude.demo.postgres import Server
from teleclaude.errors import VerificationError
from teleclaude.migration.load import batches
from teleclaude.migration.load.fast_path import clean_column
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import TableResult, TableUse
from teleclaude.migration.source.options import Options
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.verify import read_back
from teleclaude.migration.verify import table as verify_module
from tests.support.sample import editing, has_nothing, migrate_sample, query
from tests.support.verified import Transferred, transferred, transferred_once, verify, verify_used

pytestmark = pytest.mark.usefixtures("daemon_here")


WITH_KEY = "CREATE TABLE measures (number INTEGER PRIMARY KEY, one TEXT, other TEXT, size REAL, body BLOB)"
WITHOUT_KEY = "CREATE TABLE notes (number, body TEXT)"


def add_large_tables(sample: SampleInstallation) -> None:
    with editing(sample) as database:
        database.execute(WITH_KEY)
        rows = ((number, "ab", "c", 0.5, b"\xff") for number in range(3000))
        database.executemany("INSERT INTO measures VALUES (?, ?, ?, ?, ?)", rows)
        database.execute(WITHOUT_KEY)
        database.executemany("INSERT INTO notes VALUES (?, ?)", ((n, f"note {n}") for n in range(6000)))


@pytest.fixture(scope="module")
def large(server: Server) -> Iterator[Transferred]:
    with transferred_once(server, add_large_tables) as made:
        yield made


async def count(plan: Plan, name: str) -> tuple[int, int]:
    """Return how many rows of a table are on the target, and how many values were compared."""
    result = await verify(plan, name)
    return result.target_rows, result.values_compared


async def test_what_was_transferred_is_verified_again(plan: Plan) -> None:
    for table in plan.tables:
        assert (await verify(plan, table.label)).target_rows == table.rows


@pytest.mark.parametrize(
    ("statement", "table", "column"),
    [
        ("UPDATE sessions SET title = coalesce(title, '') || ' '", "sessions", "title"),
        ("UPDATE sessions SET created_at = created_at + '1 microsecond'", "sessions", "created_at"),
        ("UPDATE sessions SET created_at = created_at + '1 hour'", "sessions", "created_at"),
        ("UPDATE sessions SET title = NULL WHERE title = ''", "sessions", "title"),
        ("UPDATE sessions SET char_offset = char_offset + 1", "sessions", "char_offset"),
        ("UPDATE sessions SET initiated_by_ai = NOT initiated_by_ai", "sessions", "initiated_by_ai"),
        ("UPDATE sessions SET owner_uid = 0", "sessions", "owner_uid"),
        ("UPDATE hook_outbox SET payload = jsonb_set(payload, '{n}', '1')", "hook_outbox", "payload"),
        (
            "UPDATE sessions SET last_output_raw = replace(last_output_raw, U&'\\2400', '')",
            "sessions",
            "last_output_raw",
        ),
        (
            "UPDATE sessions SET session_id = 'x' WHERE session_id = (SELECT min(session_id) FROM sessions)",
            "sessions",
            "",
        ),
    ],
)
async def test_a_value_changed_after_the_load_is_found(plan: Plan, statement: str, table: str, column: str) -> None:
    assert plan.url is not None
    await query(plan.url, statement)
    with pytest.raises(VerificationError) as caught:
        await verify(plan, table)
    assert (caught.value.table, caught.value.column) == (table, column)
    assert caught.value.key is not None


async def test_values_that_were_not_compared_are_not_counted(
    options: Options, sample: SampleInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with editing(sample) as database:
        database.execute("CREATE TABLE counted (number INTEGER PRIMARY KEY, body TEXT)")
        database.executemany("INSERT INTO counted VALUES (?, 'x')", ((number,) for number in range(20)))
    plan = await transferred(options, tmp_path)
    assert await count(plan, "counted") == (20, 40)

    async def look_up_the_first(target: Any, batches: Any, check: Any, compare: Any) -> AsyncIterator[int]:
        async def compare_a_batch_of_seven(rows: Any, found: Any) -> None:
            if rows[0][0] == 0:
                await compare(rows, found)

        async for number in read_back.look_up(target, batches, check, compare_a_batch_of_seven):
            yield number

    monkeypatch.setattr(verify_module, "look_up", look_up_the_first)
    assert await count(plan, "counted") == (20, 14)


async def test_constants_are_compared_and_counted(plan: Plan) -> None:
    [table] = [table for table in plan.tables if table.label == "sessions"]
    assert table.constants
    values = table.rows * (len(table.columns) + len(table.constants))
    assert await count(plan, "sessions") == (table.rows, values)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("one = 'a', other = 'bc'", "one"),
        ("other = NULL", "other"),
        ("size = size + 1e-15", "size"),
        ("body = body || '\\x00'::bytea", "body"),
    ],
)
async def test_one_value_changed_in_the_middle_of_a_large_table_is_named_exactly(
    large: Transferred, change: str, column: str
) -> None:
    plan = await large.again()
    assert plan.url is not None
    assert await count(plan, "measures") == (3000, 15000)
    await query(plan.url, f"UPDATE measures SET {change} WHERE number = 1517")
    with pytest.raises(VerificationError) as caught:
        await verify(plan, "measures")
    assert (caught.value.key, caught.value.column) == ((1517,), column)


ONE_MORE = """
INSERT INTO operations SELECT (one).* FROM (
    SELECT jsonb_populate_record(operations, '{"operation_id": "more", "client_request_id": null}') AS one
    FROM operations LIMIT 1) AS rows
"""


@pytest.mark.parametrize("statement", ["DELETE FROM operations", ONE_MORE])
async def test_a_row_too_few_or_too_many_is_found(plan: Plan, statement: str) -> None:
    assert plan.url is not None
    await query(plan.url, statement)
    with pytest.raises(VerificationError, match="operations: PostgreSQL holds"):
        await verify(plan, "operations")


FOREIGN = "INSERT INTO system_settings SELECT 'foreign', value, updated_at FROM system_settings LIMIT 1"


@pytest.mark.parametrize("value", ["'same'", "''"])
async def test_two_equal_rows_of_the_source_are_not_both_found_in_one_row_beside_a_foreign_one(
    options: Options, sample: SampleInstallation, tmp_path: Path, value: str
) -> None:
    with editing(sample) as database:
        database.execute("DROP TABLE system_settings")
        database.execute("CREATE TABLE system_settings (key TEXT, value TEXT, updated_at TEXT)")
        for key in ("a", "twice", "twice", "z"):
            database.execute(f"INSERT INTO system_settings (key, value) VALUES ('{key}', {value})")
    plan = await transferred(options, tmp_path)
    assert plan.url is not None
    assert (await verify(plan, "system_settings")).target_rows == 3
    await query(plan.url, "DELETE FROM legacy.system_settings_rejects")
    await query(
        plan.url, "INSERT INTO system_settings SELECT 'foreign', value, updated_at FROM system_settings LIMIT 1"
    )
    with pytest.raises(VerificationError) as caught:
        await verify(plan, "system_settings")
    assert caught.value.key == ("twice",)


async def test_keys_that_came_to_be_equal_are_not_both_found_in_one_row_beside_a_foreign_one(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute("DELETE FROM system_settings")
        for key in ("'a' || char(0)", "'a␀'", "'z'"):
            database.execute(f"INSERT INTO system_settings (key, value) VALUES ({key}, 'same')")
    plan = await transferred(options, tmp_path)
    assert plan.url is not None
    assert (await verify(plan, "system_settings")).target_rows == 2
    [rejected] = await query(plan.url, "SELECT row FROM legacy.system_settings_rejects")
    line = {
        "table": "system_settings",
        "key": ["a\0"],
        "column": "key",
        "rule": "nul",
        "original": "a\0",
        "stored": "a␀",
    }
    assert json.loads(rejected[0])["key"] == "a\0"
    with plan.ledger.open("a") as ledger:
        ledger.write(json.dumps({**line, "original": "a\0", "stored": "a␀"}) + "\n")
    await query(plan.url, "DELETE FROM legacy.system_settings_rejects")
    await query(
        plan.url, "INSERT INTO system_settings SELECT 'foreign', value, updated_at FROM system_settings LIMIT 1"
    )
    with pytest.raises(VerificationError) as caught:
        await verify(plan, "system_settings")
    assert caught.value.key == ("a␀",)


async def test_a_converter_that_cuts_microseconds_is_found_and_nothing_is_kept(
    options: Options, target: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cutting(values: Any, kind: ColumnType, **given: Any) -> Any:
        stored = clean_column(values, kind, **given)
        return [v.replace(microsecond=0) if kind is ColumnType.INSTANT and v else v for v in stored]

    monkeypatch.setattr(batches, "clean_column", cutting)
    report = await migrate_sample(options)
    assert report.exit_code == 4
    assert report.failure is not None
    assert report.failure.kind == "VerificationError"
    assert await has_nothing(target)


@pytest.mark.parametrize(
    ("statement", "column", "said"),
    [
        (
            "UPDATE notes SET body = 'other' WHERE number = 3",
            "body",
            "the source holds <length 6, sha256 517bd266>, PostgreSQL holds <length 5, sha256 d9298a10>",
        ),
        ("UPDATE notes SET number = 9999 WHERE number = 3", "number", "the source holds 3, PostgreSQL holds 9999"),
        (
            "UPDATE notes SET number = 4, body = 'note 4' WHERE number = 3",
            "",
            "the source holds (3, <length 6, sha256 517bd266>)",
        ),
        ("UPDATE notes SET body = body || ' '", "", "<length 7, sha256 "),
    ],
)
async def test_a_difference_in_a_table_without_a_key_is_named(
    large: Transferred, statement: str, column: str, said: str
) -> None:
    plan = await large.again()
    assert plan.url is not None
    assert await count(plan, "notes") == (6000, 12000)
    await query(plan.url, statement)
    with pytest.raises(VerificationError) as caught:
        await verify(plan, "notes")
    assert (caught.value.table, caught.value.column) == ("notes", column)
    assert said in caught.value.problem.message


async def test_a_value_without_a_line_may_not_be_missing(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute(WITHOUT_KEY)
        database.execute("INSERT INTO notes VALUES (1, CAST(x'610062' AS TEXT))")
    plan = await transferred(options, tmp_path)
    assert plan.url is not None
    assert (await verify(plan, "notes")).target_rows == 1
    lines = plan.ledger.read_text().splitlines(keepends=True)
    plan.ledger.write_text("".join(line for line in lines if json.loads(line)["table"] != "notes"))
    await query(plan.url, "UPDATE notes SET body = NULL")
    with pytest.raises(VerificationError, match="notes"):
        await verify(plan, "notes")


async def test_the_verification_of_a_table_without_a_key_needs_no_memory_for_its_rows(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute(WITHOUT_KEY)
        database.execute(
            "INSERT INTO notes WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
            "SELECT i, hex(zeroblob(1000)) FROM n"
        )
    plan = await transferred(options, tmp_path)
    tracemalloc.start()
    try:
        await verify(plan, "notes")
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


async def test_load_and_verification_hold_but_a_few_large_values_at_a_time(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute("CREATE TABLE films (number INTEGER PRIMARY KEY, body TEXT)")
        database.execute(
            "INSERT INTO films WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) "
            "SELECT i, hex(zeroblob(3000000)) FROM n"
        )
        # One wide character, and what is joined with it takes four bytes for each of its own.
        database.execute("UPDATE films SET body = '🚀' WHERE number = 1")
    tracemalloc.start()
    try:
        plan = await transferred(options, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
        tracemalloc.reset_peak()
        await verify(plan, "films")
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


async def test_a_ledger_line_allows_only_its_own_difference(plan: Plan) -> None:
    assert plan.url is not None
    lines = plan.ledger.read_text().splitlines()
    entry = next(json.loads(line) for line in lines if json.loads(line)["table"] == "hook_outbox")
    entry["stored"] = '{"another": "value"}'
    plan.ledger.write_text(
        "".join(line + "\n" for line in lines if json.loads(line)["key"] != entry["key"]) + json.dumps(entry)
    )
    with pytest.raises(VerificationError):
        await verify(plan, "hook_outbox")


async def test_a_secret_is_never_quoted_in_a_mismatch(plan: Plan) -> None:
    assert plan.url is not None
    await query(plan.url, "UPDATE webhook_outbox SET target_secret = 'planted'")
    with pytest.raises(VerificationError) as caught:
        await verify(plan, "webhook_outbox")
    assert "planted" not in caught.value.problem.message
    assert "whsec_sample" not in caught.value.problem.message


USED = Writes(adds=True, removes=True, changes=frozenset({"title"}))


async def test_what_the_daemon_writes_is_counted_and_the_rest_is_still_compared(plan: Plan) -> None:
    assert plan.url is not None
    (untouched,) = await verify_used(plan, "memory_observations", USED)
    for statement in (
        "DELETE FROM memory_observations WHERE id IN (SELECT min(id) FROM memory_observations)",
        "UPDATE memory_observations SET title = 'new' WHERE id IN (SELECT max(id) FROM memory_observations)",
        "INSERT INTO memory_observations (memory_session_id, project, type, created_at, created_at_epoch)"
        " SELECT memory_session_id, project, type, created_at, created_at_epoch FROM memory_observations LIMIT 2",
    ):
        await query(plan.url, statement)
    used, result = await verify_used(plan, "memory_observations", USED)
    assert used == TableUse("memory_observations", added=2, removed=1, changed=1)
    assert isinstance(result, TableResult)
    assert isinstance(untouched, TableResult)
    columns = untouched.values_compared // untouched.target_rows
    assert result.values_compared == untouched.values_compared - columns - 1


@pytest.mark.parametrize(
    ("statement", "writes"),
    [
        ("UPDATE memory_observations SET project = 'x' WHERE title IS NOT NULL", USED),
        ("DELETE FROM memory_observations WHERE title IS NOT NULL", Writes(adds=True)),
        ("UPDATE memory_observations SET id = -id WHERE id = 3", USED),
        ("UPDATE memory_observations SET id = id + 1000 WHERE id = 3", Writes(removes=True)),
    ],
    ids=["another column", "rows that are not removed", "a number of old", "rows that are not added"],
)
async def test_what_the_daemon_does_not_write_differs(plan: Plan, statement: str, writes: Writes) -> None:
    assert plan.url is not None
    await query(plan.url, statement)
    with pytest.raises(VerificationError, match="memory_observations"):
        await verify_used(plan, "memory_observations", writes)
