"""A rejected row is verified as exactly as any other."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.demo.installation import SampleInstallation
from teleclaude.demo.postgres import Server
from teleclaude.errors import VerificationError
from teleclaude.migration.load import rejects as written_rejects
from teleclaude.migration.source.options import Options
from teleclaude.migration.verify import rejects
from tests.support.sample import editing, has_nothing, migrate_sample, query
from tests.support.verified import Transferred, transferred, transferred_once, verify

pytestmark = pytest.mark.usefixtures("daemon_here")


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
    assert report.failure.problem.message.startswith("system_settings, row (NULL), all columns")
    assert await has_nothing(target)


async def test_a_rejected_row_of_every_type_is_verified(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute("ALTER TABLE system_settings ADD COLUMN more")
        for value in ("NULL", "1", "1.0", "-0.0", "9e999", "'1'", "x'31'", "CAST(x'61ff' AS TEXT)", "'{\"float\": 1}'"):
            database.execute(f"INSERT INTO system_settings (key, value, more) VALUES (NULL, 'x', {value})")
    plan = await transferred(options, tmp_path)
    found = await verify(plan, "legacy.system_settings")
    [table] = [table for table in plan.tables if table.label == "legacy.system_settings"]
    assert (table.rows - found.target_rows, found.rejected) == (9, 9)


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


def add_rejects(sample: SampleInstallation) -> None:
    """Add rows that will be rejected between others, each of which holds another value."""
    with editing(sample) as database:
        for place in range(20):
            database.execute("INSERT INTO system_settings (key, value) VALUES (NULL, ?)", (f"rejected {place}",))
            database.execute("INSERT INTO system_settings (key, value) VALUES (?, 'kept')", (f"key {place}",))


@pytest.fixture(scope="module")
def with_rejects(server: Server) -> Iterator[Transferred]:
    with transferred_once(server, add_rejects) as made:
        yield made


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
async def test_a_reject_that_is_not_the_row_at_its_position_is_found(with_rejects: Transferred, statement: str) -> None:
    plan = await with_rejects.again()
    assert plan.url is not None
    await query(plan.url, statement.replace("{}", "legacy.system_settings_rejects"))
    with pytest.raises(VerificationError):
        await verify(plan, "system_settings")


@pytest.mark.parametrize(("rows", "size"), [(1, 1 << 20), (2, 1 << 20), (1000, 1)])
async def test_rejects_on_many_pages_are_met_each_once(
    with_rejects: Transferred, monkeypatch: pytest.MonkeyPatch, rows: int, size: int
) -> None:
    monkeypatch.setattr(rejects, "_PAGE_ROWS", rows)
    monkeypatch.setattr(rejects, "_PAGE_BYTES", size)
    plan = await with_rejects.again()
    [table] = [table for table in plan.tables if table.label == "system_settings"]
    assert table.rows - (await verify(plan, "system_settings")).target_rows == 20


async def test_the_verification_of_rejected_rows_needs_no_memory_for_them(
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
