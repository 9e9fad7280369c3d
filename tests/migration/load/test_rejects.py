"""Rejected rows are kept where they belong, however many they are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.report.events import TableResult
from teleclaude.migration.source.options import Options
from tests.support.sample import editing, migrate_sample, query

pytestmark = pytest.mark.usefixtures("daemon_here")

MEASURED = """\
import os, pathlib
from teleclaude.cli import main
peak = lambda: next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1]
leave = os._exit
os._exit = lambda code: (pathlib.Path({path!r}).write_text(peak()), leave(code))
main()
"""
"""The command, which says at last how many kB of memory it held at most (proc(5)); no other process is counted."""


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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read where Linux tells it")
async def test_a_table_of_two_hundred_thousand_rejected_rows_takes_no_more_memory_than_another(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as old:
        old.execute(
            "INSERT INTO system_settings (key, value) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
            "WHERE i < 200000) SELECT NULL, 'value ' || i FROM n"
        )
    peak = tmp_path / "peak"
    assert options.target is not None
    given = ("--source", options.source, "--home", options.home, "--root", options.root, "--target", options.target)
    command = (sys.executable, "-c", MEASURED.format(path=str(peak)), "migrate-to-system", *map(str, given))
    done = subprocess.run(
        (*command, "--person", "Ada", "--uid", "1000", "--yes", "--dry-run"),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(peak.read_text()) < 150_000
