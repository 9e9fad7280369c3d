"""The proof finds what somebody or something changed on the way."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL

from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import VerificationError
from teleclaude.migration.discover import discover
from teleclaude.migration.load import batches
from teleclaude.migration.load import rejects as written_rejects
from teleclaude.migration.load.convert import convert_column
from teleclaude.migration.load.fast_path import clean_column
from teleclaude.migration.load.json_text import replace_in_json
from teleclaude.migration.plan.plan import Plan, make_plan
from teleclaude.migration.plan.tables import ColumnPlan
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.reader import reading
from teleclaude.migration.state.ledger import Entry, from_plain, index_ledger, open_ledger, to_plain
from teleclaude.migration.steps.transfer import transfer
from teleclaude.migration.values.column_types import ColumnType, Context
from teleclaude.migration.verify import read_back, rejects
from teleclaude.migration.verify import table as verify_module
from teleclaude.migration.verify.decode import UndecodableError, decode, decode_json, same
from teleclaude.migration.verify.table import Proof, verify_table
from teleclaude.migration.verify.unkeyed import find_difference
from tests.support.sample import editing, has_nothing, migrate_sample, query

pytestmark = pytest.mark.usefixtures("daemon_here")


@pytest.fixture
async def plan(options: Options, tmp_path: Path) -> AsyncIterator[Plan]:
    """Plan the migration of the sample, and let the transfer run alone."""
    yield await transferred(options, tmp_path)


async def transferred(options: Options, tmp_path: Path) -> Plan:
    private = tmp_path / "private"
    private.mkdir()
    made = make_plan(options, await discover(options, "run", private, {}))
    made.folder.mkdir(parents=True)
    async for _ in transfer(made):
        pass
    return made


async def verify(plan: Plan, name: str) -> Any:
    assert plan.url is not None
    table = next(table for table in plan.tables if table.label == name)
    with reading(plan.databases) as sources:
        async with (
            index_ledger(plan.ledger, plan.inventory.private) as index,
            disposing(make_engine(plan.url)) as engine,
            engine.connect() as connection,
        ):
            return await verify_table(connection, sources.of(table.from_events), table, index, 7)


async def test_what_was_transferred_is_proved_again(plan: Plan) -> None:
    for table in plan.tables:
        assert (await verify(plan, table.label)).rows == table.rows


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


async def test_a_rejected_row_that_was_written_down_wrongly_is_found(
    options: Options, sample: SampleInstallation, target: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    with editing(sample) as database:
        database.execute("INSERT INTO system_settings (key, value) VALUES (NULL, x'6131')")
    monkeypatch.setattr(
        written_rejects, "to_plain", lambda value: value.decode() if isinstance(value, bytes) else value
    )
    report = await migrate_sample(options)
    assert report.exit_code == 4
    assert report.failure is not None
    assert report.failure.problem.message.startswith("system_settings, row (None,), all columns")
    assert await has_nothing(target)


async def test_a_rejected_row_of_every_type_is_proved(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute("ALTER TABLE system_settings ADD COLUMN more")
        for value in ("NULL", "1", "1.0", "-0.0", "9e999", "'1'", "x'31'", "CAST(x'61ff' AS TEXT)", "'{\"float\": 1}'"):
            database.execute(f"INSERT INTO system_settings (key, value, more) VALUES (NULL, 'x', {value})")
    plan = await transferred(options, tmp_path)
    proof = await verify(plan, "legacy.system_settings")
    [table] = [table for table in plan.tables if table.label == "legacy.system_settings"]
    assert table.rows - proof.rows == 9


@pytest.mark.parametrize("text", ['{"key": null}', "[]", '{"key": null, "value": {"base64": "!"}, "updated_at": null}'])
async def test_a_rejected_row_that_is_none_of_its_table_is_found(
    options: Options, sample: SampleInstallation, tmp_path: Path, text: str
) -> None:
    with editing(sample) as database:
        database.execute("INSERT INTO system_settings (key, value) VALUES (NULL, 'x')")
    plan = await transferred(options, tmp_path)
    assert plan.url is not None
    await query(plan.url, f"UPDATE legacy.system_settings_rejects SET row = '{text}'")
    with pytest.raises(VerificationError):
        await verify(plan, "system_settings")


async def with_rejects(options: Options, sample: SampleInstallation, folder: Path, number: int) -> Plan:
    """Transfer the sample with rejected rows between others, each of which holds another value."""
    with editing(sample) as database:
        for place in range(number):
            database.execute("INSERT INTO system_settings (key, value) VALUES (NULL, ?)", (f"rejected {place}",))
            database.execute("INSERT INTO system_settings (key, value) VALUES (?, 'kept')", (f"key {place}",))
    return await transferred(options, folder)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET position = position - 1",
        "UPDATE {} SET position = position + 1000000",
        "UPDATE {} SET position = -1 WHERE position = (SELECT min(position) FROM {})",
        "UPDATE {} SET row = replace(row, 'rejected 1', 'rejected 2')",
        "UPDATE {} SET row = (SELECT min(row) FROM {})",
        "UPDATE {} SET part = 'sessions' WHERE position = (SELECT min(position) FROM {})",
        "DELETE FROM {} WHERE position = (SELECT max(position) FROM {})",
        "INSERT INTO {} SELECT part, 0, reason, row FROM {} LIMIT 1",
    ],
)
async def test_a_reject_that_is_not_the_row_at_its_position_is_found(
    options: Options, sample: SampleInstallation, tmp_path: Path, statement: str
) -> None:
    plan = await with_rejects(options, sample, tmp_path, 3)
    assert plan.url is not None
    await query(plan.url, statement.replace("{}", "legacy.system_settings_rejects"))
    with pytest.raises(VerificationError):
        await verify(plan, "system_settings")


@pytest.mark.parametrize(("rows", "size"), [(1, 1 << 20), (2, 1 << 20), (1000, 1)])
async def test_rejects_on_many_pages_are_met_each_once(
    options: Options, sample: SampleInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, size: int
) -> None:
    monkeypatch.setattr(rejects, "PAGE_ROWS", rows)
    monkeypatch.setattr(rejects, "PAGE_BYTES", size)
    plan = await with_rejects(options, sample, tmp_path, 20)
    [table] = [table for table in plan.tables if table.label == "system_settings"]
    assert table.rows - (await verify(plan, "system_settings")).rows == 20


async def test_the_proof_of_rejected_rows_needs_no_memory_for_them(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute(
            "INSERT INTO system_settings (key, value) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
            "WHERE i < 10000) SELECT NULL, i || hex(zeroblob(1000)) FROM n"
        )
    plan = await transferred(options, tmp_path)
    tracemalloc.start()
    try:
        await verify(plan, "system_settings")
        assert tracemalloc.get_traced_memory()[1] < 12e6
    finally:
        tracemalloc.stop()


async def test_values_that_were_not_compared_are_not_counted(
    options: Options, sample: SampleInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with editing(sample) as database:
        database.execute("CREATE TABLE counted (number INTEGER PRIMARY KEY, body TEXT)")
        database.executemany("INSERT INTO counted VALUES (?, 'x')", ((number,) for number in range(20)))
    plan = await transferred(options, tmp_path)
    assert await verify(plan, "counted") == Proof(20, 40)

    async def look_up_the_first(target: Any, batches: Any, check: Any, compare: Any) -> AsyncIterator[int]:
        async def compare_a_batch_of_seven(rows: Any, found: Any) -> None:
            if rows[0][0] == 0:
                await compare(rows, found)

        async for number in read_back.look_up(target, batches, check, compare_a_batch_of_seven):
            yield number

    monkeypatch.setattr(verify_module, "look_up", look_up_the_first)
    assert await verify(plan, "counted") == Proof(20, 14)


async def test_constants_are_compared_and_counted(plan: Plan) -> None:
    [table] = [table for table in plan.tables if table.label == "sessions"]
    assert table.constants
    values = table.rows * (len(table.columns) + len(table.constants))
    assert await verify(plan, "sessions") == Proof(table.rows, values)


WITH_KEY = "CREATE TABLE measures (number INTEGER PRIMARY KEY, one TEXT, other TEXT, size REAL, body BLOB)"


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
    options: Options, sample: SampleInstallation, tmp_path: Path, change: str, column: str
) -> None:
    with editing(sample) as database:
        database.execute(WITH_KEY)
        rows = ((number, "ab", "c", 0.5, b"\xff") for number in range(3000))
        database.executemany("INSERT INTO measures VALUES (?, ?, ?, ?, ?)", rows)
    plan = await transferred(options, tmp_path)
    assert plan.url is not None
    assert await verify(plan, "measures") == Proof(3000, 15000)
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
    with pytest.raises(VerificationError, match="operations holds"):
        await verify(plan, "operations")


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


WITHOUT_KEY = "CREATE TABLE notes (number, body TEXT)"


@pytest.mark.parametrize(
    ("statement", "column", "said"),
    [
        (
            "UPDATE notes SET body = 'other' WHERE number = 3",
            "body",
            "the source holds 'note 3', PostgreSQL holds 'other'",
        ),
        ("UPDATE notes SET number = 9999 WHERE number = 3", "number", "the source holds 3, PostgreSQL holds 9999"),
        ("UPDATE notes SET number = 4, body = 'note 4' WHERE number = 3", "", "the source holds (3, 'note 3')"),
        ("UPDATE notes SET body = body || ' '", "", "'note "),
    ],
)
async def test_a_difference_in_a_table_without_a_key_is_named(
    options: Options, sample: SampleInstallation, tmp_path: Path, statement: str, column: str, said: str
) -> None:
    with editing(sample) as database:
        database.execute(WITHOUT_KEY)
        database.executemany("INSERT INTO notes VALUES (?, ?)", ((n, f"note {n}") for n in range(6000)))
    plan = await transferred(options, tmp_path)
    assert plan.url is not None
    assert await verify(plan, "notes") == Proof(6000, 12000)
    await query(plan.url, statement)
    with pytest.raises(VerificationError) as caught:
        await verify(plan, "notes")
    assert (caught.value.table, caught.value.column) == ("notes", column)
    assert said in caught.value.message


async def test_nothing_excuses_that_a_value_without_a_line_is_missing(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute(WITHOUT_KEY)
        database.execute("INSERT INTO notes VALUES (1, CAST(x'610062' AS TEXT))")
    plan = await transferred(options, tmp_path)
    assert plan.url is not None
    assert (await verify(plan, "notes")).rows == 1
    lines = plan.ledger.read_text().splitlines(keepends=True)
    plan.ledger.write_text("".join(line for line in lines if json.loads(line)["table"] != "notes"))
    await query(plan.url, "UPDATE notes SET body = NULL")
    with pytest.raises(VerificationError, match="notes"):
        await verify(plan, "notes")


async def test_the_proof_of_a_table_without_a_key_needs_no_memory_for_its_rows(
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


async def test_load_and_proof_hold_but_a_few_large_values_at_a_time(
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


ROWS = st.lists(st.tuples(st.none() | st.integers(0, 2) | st.just(1.0) | st.just("1"), st.sampled_from("ab")))


@given(ROWS, ROWS)
async def test_two_sides_are_equal_exactly_where_they_hold_the_same_rows_equally_often(wanted: Any, found: Any) -> None:
    async def read(rows: Any) -> AsyncIterator[Any]:
        for row in rows:
            yield row

    difference = await find_difference(lambda: read(wanted), lambda: read(found))
    equal = sorted(map(repr, wanted)) == sorted(map(repr, found))
    assert isinstance(difference, int) == equal
    if isinstance(difference, int):
        assert difference == 2 * len(found)
    else:
        assert difference.wanted is None or repr(difference.wanted) in map(repr, wanted)
        assert difference.found is None or repr(difference.found) in map(repr, found)


async def test_a_ledger_line_excuses_only_its_own_difference(plan: Plan) -> None:
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
    assert "planted" not in caught.value.message
    assert "whsec_sample" not in caught.value.message


VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary() | st.text()


@given(VALUES)
async def test_a_ledger_line_gives_the_original_back(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    entry = Entry("t", (value, 1), "c", "rule", value, "stored")
    with open_ledger(path) as ledger:
        ledger.write(entry)
    async with index_ledger(path, path.parent) as index:
        assert list(index.find("t", (value, 1), "c", value)) == [entry]
    assert from_plain(to_plain(value)) == value


JSON_TEXTS = (
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
        max_leaves=12,
    ).map(json.dumps)
    | st.text()
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(JSON_TEXTS, min_size=1, max_size=40))
async def test_postgresql_takes_every_json_text_and_gives_the_same_back(target: URL, texts: list[str]) -> None:
    fixed = [replace_in_json(text) for text in texts]
    rows = await _round_trip(target, [text for text, _ in fixed])
    for before, (after, rule), found in zip(texts, fixed, rows, strict=True):
        if rule is None:
            assert after == before
            assert same(decode_json(before), decode_json(found))
        elif rule != "duplicate_key":
            assert same(decode_json(after), decode_json(found))
            with pytest.raises(UndecodableError):
                decode_json(before)


async def _round_trip(url: URL, texts: list[str]) -> list[str]:
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        result = await connection.exec_driver_sql(
            "SELECT x::jsonb::text FROM unnest(CAST($1 AS text[])) WITH ORDINALITY AS t(x, n) ORDER BY n", (texts,)
        )
        return [row[0] for row in result]


def test_true_is_not_one_and_a_half_is_a_half() -> None:
    assert not same(decode_json("true"), decode_json("1"))
    assert same(decode_json("[1.0, 5e-1]"), decode_json("[1, 0.5]"))
    assert decode_json("12345678901234567890.1") == Decimal("12345678901234567890.1")


INSTANT_COLUMN = ColumnPlan("c", "c", ColumnType.INSTANT, nullable=True, default=None)


MOMENTS = st.builds(
    lambda naive, separator, offset: naive.isoformat(sep=separator) + offset,
    st.datetimes(),
    st.sampled_from([" ", "T"]),
    st.sampled_from(["", "Z", "z", " Z", "+00:00", " +02:00", "-0730", "+02:0000", "+02:00:00"]),
)


def replace_part(text: str, begin: int, end: int, other: str) -> str:
    return text[:begin] + other + text[end:]


ODD_MOMENTS = st.builds(
    replace_part, MOMENTS, st.integers(0, 30), st.integers(0, 30), st.text(" -:.,+0123456789TWZz\0", max_size=3)
) | st.sampled_from(["20260203T040506Z", "2026-W06-2", "2026-02-03T04", "2026-02-03", "9999-12-31 23:59:59-05:00"])


@settings(max_examples=500)
@given(MOMENTS | ODD_MOMENTS)
def test_converter_and_proof_agree_on_every_moment(text: str) -> None:
    (converted,), changes = convert_column([text], ColumnType.INSTANT, nullable=True, default=None, context=Context())
    if changes:
        assert changes[0].converted.rule in {"not_a_timestamp", "beyond_microseconds"}
        with pytest.raises(UndecodableError):
            decode(INSTANT_COLUMN, text)
    else:
        assert decode(INSTANT_COLUMN, text) == converted
