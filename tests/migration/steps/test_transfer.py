"""Values that strain PostgreSQL arrive, or are in the ledger or rejected with nothing of them lost."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import Model
from teleclaude.demo.installation import SampleInstallation, make_installation
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.report.events import Finding, SequenceResult, TableResult
from teleclaude.migration.report.report import Report
from teleclaude.migration.report.summary import find_attention
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from teleclaude.migration.state.ledger import Entry, from_plain, index_ledger, open_ledger
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.verify.decode import decode_json, repeats_key, same
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.read_back import Target
from tests.support.sample import editing, has_nothing, migrate_sample, query
from tests.support.steps import fail, planted

pytestmark = pytest.mark.usefixtures("daemon_here")


async def migrated_with(options: Options, sample: SampleInstallation, *statements: tuple[str, Any]) -> Report:
    """Load and verify the sample after some changes of it; the steps after the commit read no old value."""
    return await _migrated_with(options, sample, statements, STEPS[:1])


async def served_with(options: Options, sample: SampleInstallation, *statements: tuple[str, Any]) -> Report:
    """Migrate the sample after some changes of it, so that the daemon lists what arrived."""
    return await _migrated_with(options, sample, statements, STEPS)


async def _migrated_with(
    options: Options, sample: SampleInstallation, statements: Sequence[tuple[str, Any]], steps: tuple[Step, ...]
) -> Report:
    with editing(sample) as database:
        for statement, values in statements:
            database.execute(statement, values)
    report = await migrate_sample(options, steps)
    assert report.ok, report.failure
    return report


def ledger(options: Options) -> list[dict[str, Any]]:
    assert options.root is not None
    (path,) = options.root.glob("var/lib/teleclaude/migration/*/ledger.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


PAYLOAD = "UPDATE hook_outbox SET payload = ? WHERE id = ?"


async def test_json_that_nests_a_thousand_deep_arrives_as_it_is(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    await migrated_with(options, sample, (PAYLOAD, (nested(1000), 1)))
    assert await query(target, "SELECT payload::text FROM hook_outbox WHERE id = 1") == [(nested(1000),)]
    assert [entry for entry in ledger(options) if entry["table"] == "hook_outbox" and entry["key"] == [1]] == []


async def test_long_values_are_compressed_with_lz4_where_the_server_has_it(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    await migrated_with(options, sample, (PAYLOAD, (json.dumps(["a long text", *range(9_000)]), 1)))
    offered = "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    expected = [("lz4",)] if await query(target, offered) == [(True,)] else [("pglz",)]
    assert await query(target, "SELECT pg_column_compression(payload) FROM hook_outbox WHERE id = 1") == expected


async def test_json_that_postgresql_refuses_becomes_a_string_with_its_original_in_the_ledger(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    texts = [nested(20_000), '{"n": 1e200000}']
    await migrated_with(options, sample, *((PAYLOAD, (text, number)) for number, text in enumerate(texts, 2)))
    select = "SELECT jsonb_typeof(payload), payload #>> '{}' FROM hook_outbox WHERE id IN (2, 3) ORDER BY id"
    assert await query(target, select) == [("string", text) for text in texts]
    entries = {entry["key"][0]: entry for entry in ledger(options) if entry["table"] == "hook_outbox"}
    assert [(entries[n]["rule"], entries[n]["original"]) for n in (2, 3)] == [("refused_json", text) for text in texts]


async def test_many_values_that_postgresql_refuses_leave_the_rows_between_them_alone(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
    columns = "session_id, event_type, payload, created_at, next_attempt_at"
    values = "'s', 'many', CASE i % 40 WHEN 0 THEN '{\"n\": 1e200000}' ELSE i END, '2026-01-01', '2026-01-01'"
    await migrated_with(options, sample, (f"INSERT INTO hook_outbox ({columns}) {numbers} SELECT {values} FROM n", ()))
    assert sum(entry["rule"] == "refused_json" for entry in ledger(options)) == 50
    kinds = "SELECT jsonb_typeof(payload), count(*) FROM hook_outbox WHERE event_type = 'many' GROUP BY 1 ORDER BY 1"
    assert await query(target, kinds) == [("number", 1950), ("string", 50)]


async def test_a_key_that_occurs_twice_keeps_its_last_value_and_is_in_the_ledger(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    deep = "[" * 400 + '{"a": 1, "a": 2}' + "]" * 400
    deeper = '{"b": [0], "a":' * 1200 + '{"a": 1, "\\u0061": 2}' + "}" * 1200
    texts = ['{"a": 1, "a": 2}', '{"a\\u0000": 1, "a␀": 2}', '{"a": NaN, "a": 1}', deep, deeper]
    await migrated_with(options, sample, *((PAYLOAD, (text, number)) for number, text in enumerate(texts, 1)))
    found = await query(target, "SELECT payload FROM hook_outbox WHERE id <= 3 ORDER BY id")
    assert found == [({"a": 2},), ({"a␀": 2},), ({"a": 1},)]
    originals = {entry["key"][0]: entry["original"] for entry in ledger(options) if entry["table"] == "hook_outbox"}
    assert [originals[number] for number in range(1, 6)] == texts


async def test_deep_json_whose_objects_have_the_same_keys_is_not_in_the_ledger(
    options: Options, sample: SampleInstallation
) -> None:
    await migrated_with(options, sample, (PAYLOAD, ('{"a": [{"a": 1}, {"a": 2}], "b":' * 1200 + "0" + "}" * 1200, 1)))
    assert 1 not in [entry["key"][0] for entry in ledger(options) if entry["table"] == "hook_outbox"]


async def test_a_session_that_was_closed_at_no_readable_moment_is_listed_as_open(
    options: Options, sample: SampleInstallation
) -> None:
    texts = ["20260203T040506Z", "2026-02-03T04", "2026-W06-2", "2026-02-03 04:05:06\0", "2026-02-03 04:05:06 "]
    close = "UPDATE sessions SET closed_at = ? WHERE rowid = (SELECT max(rowid) FROM sessions WHERE closed_at IS NULL)"
    report = await served_with(options, sample, *((close, (text,)) for text in texts))
    assert report.ok
    found = [(entry["rule"], entry["original"]) for entry in ledger(options) if entry["column"] == "closed_at"]
    assert sorted(found) == [("not_a_timestamp", text) for text in sorted(texts)]


async def test_a_moment_whose_offset_leads_out_of_the_calendar_is_in_the_ledger(
    options: Options, sample: SampleInstallation
) -> None:
    texts = ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00"]
    update = "UPDATE sessions SET last_output_at = ? WHERE rowid = ?"
    await migrated_with(options, sample, *((update, (text, row)) for row, text in enumerate(texts, 1)))
    found = [(entry["rule"], entry["original"]) for entry in ledger(options) if entry["column"] == "last_output_at"]
    assert {("not_a_timestamp", text) for text in texts} <= set(found)


async def test_a_session_with_json_that_the_daemon_cannot_read_is_listed_all_the_same(
    options: Options, sample: SampleInstallation
) -> None:
    update = "UPDATE sessions SET adapter_metadata = ? WHERE rowid = ?"
    report = await served_with(options, sample, (update, (nested(1500), 1)), (update, ("[1e131071]", 2)))
    assert report.ok


async def test_a_column_that_holds_the_highest_number_arrives_and_is_said_to_have_none_left(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    highest = 2**63 - 1
    report = await served_with(options, sample, ("UPDATE memory_observations SET id = ? WHERE id = 1", (highest,)))
    assert await query(target, "SELECT max(id) FROM memory_observations") == [(highest,)]
    unverified = [result.table for result in report.all(SequenceResult) if not result.verified]
    assert unverified == ["memory_observations"]
    said = [attention.problem.message for attention in find_attention(report.to_json())]
    assert any("memory_observations.id has no number left" in what for what in said)


async def test_the_last_number_that_a_column_can_give_is_verified(options: Options, sample: SampleInstallation) -> None:
    last = 2**63 - 1
    report = await migrated_with(options, sample, ("UPDATE memory_observations SET id = ? WHERE id = 1", (last - 1,)))
    given = {identity.table: (identity.next_value, identity.verified) for identity in report.all(SequenceResult)}
    assert given["memory_observations"] == (last, True)


async def test_rows_that_share_a_key_which_sqlite_did_not_guard_are_rejected_but_for_the_first(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    copy = ("CREATE TABLE copy AS SELECT * FROM hook_outbox", ())
    drop, rename = ("DROP TABLE hook_outbox", ()), ("ALTER TABLE copy RENAME TO hook_outbox", ())
    double = ("INSERT INTO hook_outbox SELECT * FROM hook_outbox", ())
    extra = ("ALTER TABLE hook_outbox ADD COLUMN unknown", ())
    report = await migrated_with(options, sample, copy, drop, rename, double, extra)
    for result in report.all(TableResult):
        if result.name in ("hook_outbox", "legacy.hook_outbox"):
            assert result.target_rows == result.rejected == result.source_rows / 2 > 0


async def test_the_ends_of_time_do_not_become_infinity(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    moments = [
        ("0001-01-01 00:00:00", "0001-01-01 00:00:00"),
        ("9999-12-31T23:59:59.999999", "9999-12-31 23:59:59.999999"),
        ("9999-12-31 23:59:59.9999999", "9999-12-31 23:59:59.999999"),
    ]
    update = "UPDATE sessions SET closed_at = ?, session_id = ? WHERE rowid = ?"
    changes = [(update, (written, f"moment {row}", row)) for row, (written, _) in enumerate(moments, 1)]
    await migrated_with(options, sample, *changes)
    stored = "SELECT (closed_at AT TIME ZONE 'UTC')::text FROM sessions WHERE session_id LIKE 'moment %'"
    assert await query(target, f"{stored} ORDER BY session_id") == [(stored,) for _, stored in moments]
    found = [(entry["rule"], entry["original"]) for entry in ledger(options) if entry["column"] == "closed_at"]
    assert found == [("beyond_microseconds", moments[2][0])]


async def test_numbers_of_json_keep_every_digit(options: Options, sample: SampleInstallation, target: URL) -> None:
    text = '{"a": 1e400, "b": 98765432109876543210987654321, "c": 0.1000000000000000055511151231257827}'
    await migrated_with(options, sample, (PAYLOAD, (text, 1)))
    select = "SELECT (payload->>'a')::numeric = 1e400, payload->>'b', payload->>'c' FROM hook_outbox WHERE id = 1"
    assert await query(target, select) == [
        (True, "98765432109876543210987654321", "0.1000000000000000055511151231257827")
    ]


async def test_rows_whose_key_cannot_be_held_are_rejected_and_kept_whole(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    insert = "INSERT INTO sessions (session_id, computer_name, title) VALUES (?, 'workshop', ?)"
    keys = [(None, "one"), (None, "two"), ("a\x00b", "nul"), ("a␀b", "sign"), ("a\x00b\x00", "x"), ("k" * 3000, "long")]
    report = await served_with(options, sample, *((insert, values) for values in keys))
    result = next(result for result in report.all(TableResult) if result.name == "sessions")
    assert (result.source_rows, result.target_rows, result.rejected) == (26, 22, 4)
    kept = await query(target, "SELECT reason, row FROM legacy.sessions_rejects")
    assert sorted((json.loads(row)["title"], json.loads(row)["session_id"]) for _, row in kept) == [
        ("long", "k" * 3000),
        ("nul", "a\x00b"),
        ("one", None),
        ("two", None),
    ]
    assert {reason for reason, _ in kept} == {
        "the key is NULL",
        "the key is too long for an index",
        "the key is another row's after conversion",
    }
    assert any(
        finding.subject == "sessions" and "rejected" in finding.problem.message for finding in report.all(Finding)
    )


async def test_a_rejected_row_can_be_undone_with_the_rest(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as database:
        database.execute("INSERT INTO system_settings (key, value) VALUES (NULL, 'x')")
    assert (await migrate_sample(options, planted(Step("planted", fail), 3))).exit_code == 4
    assert await has_nothing(target)


async def test_dirt_in_every_kind_of_column_is_in_the_ledger(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    where = "WHERE session_id = (SELECT min(session_id) FROM sessions)"
    await migrated_with(
        options,
        sample,
        (f"UPDATE sessions SET title = CAST(x'61ff62' AS TEXT), char_offset = 'many' {where}", ()),
        (f"UPDATE sessions SET description = x'00ff', initiated_by_ai = 'yes', last_activity = '' {where}", ()),
        (f"UPDATE sessions SET adapter_metadata = 'not json', created_at = 12 {where}", ()),
        ("UPDATE operations SET cwd = x'' WHERE rowid = 1", ()),
    )
    columns = "title, char_offset, description, initiated_by_ai, last_activity, adapter_metadata #>> '{}', created_at"
    found = await query(target, f"SELECT {columns} FROM sessions {where}")
    assert found == [("a\ufffdb", None, "\u2400\ufffd", True, None, "not json", None)]
    rules = {entry["column"]: (entry["rule"], from_plain(entry["original"])) for entry in ledger(options)}
    assert rules["title"] == ("invalid_utf8", "a\udcffb")
    assert rules["char_offset"] == ("not_an_integer", "many")
    assert rules["description"] == ("blob_in_text", b"\x00\xff")
    assert rules["initiated_by_ai"] == ("not_a_boolean", "yes")
    assert rules["last_activity"] == ("not_a_timestamp", "")
    assert rules["adapter_metadata"] == ("not_json", "not json")


async def test_one_value_of_twenty_megabytes_arrives(options: Options, sample: SampleInstallation, target: URL) -> None:
    text = "ünï 🚀 " * (20_000_000 // 13)
    await migrated_with(options, sample, ("UPDATE mirrors SET conversation_text = ? WHERE id = 1", (text,)))
    assert await query(target, "SELECT length(conversation_text) FROM mirrors WHERE id = 1") == [(len(text),)]


SQLITE_VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
    | st.binary(max_size=10)
    | st.sampled_from(["2026-01-05T10:00:00", "2026-01-05 10:00:00.5", "{}", '{"a": NaN}', "1", "true", "\x00"])
)
FREE = [
    (table.name, column.name)
    for table in Model.metadata.tables.values()
    for column in table.columns
    if table.name not in ("audit_log", "migration_runs")
    and not column.primary_key
    and not column.name.startswith("owner_")
    and column.name
    not in ("session_id", "message_id", "deletion_type", "project", "source_identity", "origin", "event_id")
]


# A migration takes as long for many values as for few, so an example has many.
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(FREE), st.integers(1, 4), SQLITE_VALUES), min_size=60, max_size=200))
async def test_any_value_in_any_column_arrives_equal_or_is_in_the_ledger(
    tmp_path_factory: pytest.TempPathFactory, target: URL, values: list[tuple[tuple[str, str], int, Any]]
) -> None:
    """The migration itself verifies it: it compares every value, and allows only the differences of the ledger."""
    folder = tmp_path_factory.mktemp("any")
    sample = make_installation(folder / "old", sessions=4)
    with editing(sample) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        for (table, column), row, value in values:
            try:
                database.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (value, row))
            except Exception as error:
                # SQLite's own NOT NULL and UNIQUE refuse what no old file can hold.
                assert "constraint failed" in str(error)
    options = Options(
        source=sample.checkout,
        home=sample.home,
        target=target.render_as_string(hide_password=False),
        root=Path(folder) / "root",
        person="Ada",
        uid=1000,
        dry_run=True,
    )
    report = await migrate_sample(options)
    assert report.ok, report.failure


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
TREES = st.recursive(
    st.integers() | st.booleans() | st.none() | WORDS,
    lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
async def test_postgresql_and_the_reader_of_json_agree_on_what_is_equal(target: URL, value: Any) -> None:
    one, other = json.dumps(value), json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)
    async with asking(target) as ask:
        assert await ask(one, other)
        assert not await ask(json.dumps([value]), one)
    assert same(decode_json(one), decode_json(other))
    assert not same(decode_json(json.dumps([value])), decode_json(one))


@asynccontextmanager
async def asking(url: URL) -> AsyncIterator[Callable[[str, str], Awaitable[bool]]]:
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        yield Target(connection).is_same_json


REFUSED = ["", "[", "]", "[}", "{1}", "[NaN]", '["\\u0000"]', '["\\ud800"]', "[1] [2]", '["', '["\x00"]', '["\ud800"]']


@pytest.mark.parametrize("text", [*REFUSED, "[1e200000]", nested(20_000)])
async def test_what_jsonb_refuses_equals_nothing_and_more_can_be_asked(target: URL, text: str) -> None:
    async with asking(target) as ask:
        assert not await ask(text, text)
        assert await ask("[1]", "[1.0]")


async def test_an_error_that_says_nothing_of_a_value_is_no_answer(target: URL) -> None:
    async with disposing(make_engine(target)) as engine, engine.connect() as connection:
        await connection.exec_driver_sql("SET statement_timeout = 1")
        deep = "[" + "[1]," * 2_000_000 + "1]"
        with pytest.raises(DBAPIError):
            await Target(connection).is_same_json(deep, deep)


async def test_numbers_are_equal_in_all_spellings_and_never_rounded(target: URL) -> None:
    async with asking(target) as ask:
        assert await ask("[1.0, 0.5, -0, 100]", "[1, 5e-1, 0, 1e2]")
        assert not await ask(f"[{10**40}]", f"[{10**40 + 1}]")
    assert Decimal(10**40) != Decimal(10**40 + 1)


def deep_in(text: str) -> str:
    return "[" * 400 + text + "]" * 400


@pytest.mark.parametrize(
    ("stored", "allowed"),
    [
        ('{"b": 0.5, "a": 100}', True),
        ('{"a": 100, "b": 0.50000000000000000001}', False),
        ('{"a": "100", "b": 0.5}', False),
        ('{"a": 100}', False),
    ],
)
async def test_deep_json_is_compared_as_postgresql_compares_it(
    target: URL, tmp_path: Path, stored: str, allowed: bool
) -> None:
    check = partial(allows_deep, target, tmp_path, deep_in('{"a": 1e2, "b": 5e-1}'))
    assert await check(deep_in(stored), ()) is allowed
    assert not await check(stored, ())
    assert await check(deep_in("0"), ["0", deep_in("[]"), deep_in("0.0")])
    assert not await check(deep_in("0"), ["0", deep_in("[]")])
    assert not await check(None, ["null"])


@pytest.mark.parametrize("raw", [deep_in('{"a": 1, "\\u0061": 2}'), deep_in('"\x00"'), deep_in("NaN"), "[" * 400])
async def test_deep_json_that_jsonb_does_not_hold_as_it_is_needs_a_line_of_the_ledger(
    target: URL, tmp_path: Path, raw: str
) -> None:
    for stored in (deep_in('{"a": 2}'), json.dumps(raw.replace("\x00", "")), "null"):
        assert not await allows_deep(target, tmp_path, raw, stored, ())
        assert await allows_deep(target, tmp_path, raw, stored, [stored])


async def test_deep_json_with_a_repeated_key_in_a_value_that_postgresql_drops_is_found_by_its_line(
    target: URL, tmp_path: Path
) -> None:
    raw = '{"a": ' + deep_in("1") + ', "a": 1}'
    assert not await allows_deep(target, tmp_path, raw, '{"a": 1}', ())
    assert await allows_deep(target, tmp_path, raw, '{"a": 1}', [raw])


async def allows_deep(target: URL, folder: Path, raw: str, stored: str | None, lines: Sequence[str]) -> bool:
    """Whether the ledger check lets PostgreSQL hold `stored` for `raw`, with ledger lines that say `lines`."""
    columns = (
        ColumnPlan("number", "number", ColumnType.INTEGER, nullable=False, default=None),
        ColumnPlan("body", "body", ColumnType.DOCUMENT, nullable=True, default=None),
    )
    table = TablePlan("notes", None, "notes", columns, ("number",), 1)
    path = folder / "ledger.jsonl"
    path.unlink(missing_ok=True)
    with open_ledger(path) as ledger:
        for line in lines:
            ledger.write(Entry("notes", (1,), "body", "rule", raw, line))
    async with index_ledger(path, folder) as index, asking(target) as ask:
        return await LedgerCheck(table, index).allows((1, raw), 1, stored, ask)


BRACES = st.sampled_from(
    ['{"a": 1, "a": 2}', '[{"a": 1}, {"a": 2}]', '{"a": {"a": ":"}, "b": "\\"a\\": 1"}', '{"\\u0061":1,"a" :2}']
)


@given(TREES.map(json.dumps) | BRACES)
def test_the_scan_finds_a_repeated_key_exactly_where_there_is_one(text: str) -> None:
    repeated: list[Any] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        repeated.extend(pairs[len({key for key, _ in pairs}) :])

    json.loads(text, object_pairs_hook=note)
    assert repeats_key(text) == bool(repeated)
    assert repeats_key(deep_in(text)) == bool(repeated)
