"""Rejected rows are kept where they belong, however many they are."""

import json

from sqlalchemy import URL

from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.events import TableResult
from teleclaude.migration.options import Options
from tests.support.sample import editing, migrate_sample, query


async def test_each_rejected_row_is_kept_with_its_position_in_the_old_table(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    with editing(sample) as old:
        old.execute("DELETE FROM system_settings")
        keys = [(f"key{number}" if number % 3 else None) for number in range(10)]
        old.executemany("INSERT INTO system_settings (key, value) VALUES (?, 'x')", [(key,) for key in keys])
    report = await migrate_sample(options)
    assert report.ok, report.failure
    kept = await query(target, "SELECT part, position, row FROM legacy.system_settings_rejects ORDER BY position")
    assert [(part, position, json.loads(row)["key"]) for part, position, row in kept] == [
        ("system_settings", position, None) for position in (0, 3, 6, 9)
    ]


async def test_a_row_that_postgresql_refuses_is_kept_with_its_position(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    columns = [f"c{number}" for number in range(1600)]
    with editing(sample) as old:
        old.execute(f"CREATE TABLE wide ({', '.join(columns)})")
        for value in ("NULL", "hex(zeroblob(40))", "NULL", "hex(zeroblob(41))", "NULL"):
            old.execute(f"INSERT INTO wide VALUES ({', '.join([value] * 1600)})")
    report = await migrate_sample(options)
    (result,) = [result for result in report.all(TableResult) if result.name == "wide"]
    assert (result.target_rows, result.rejected) == (3, 2)
    kept = await query(target, "SELECT position, row FROM legacy.wide_rejects ORDER BY position")
    assert [(position, len(json.loads(row)["c0"])) for position, row in kept] == [(1, 80), (3, 82)]
