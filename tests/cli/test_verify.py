import json
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.options import Options
from teleclaude.migration.report import Report
from tests.cli.test_cli import teleclaude
from tests.sample import editing, files_below, query


@pytest.fixture
def report_file(migrated: Report, options: Options) -> Path:
    assert options.root is not None
    return options.root / "var/lib/teleclaude/migration" / str(migrated.header["run"]) / "report.json"


def test_an_untouched_target_is_equal_value_by_value(
    report_file: Path, target: URL, sample: SampleInstallation
) -> None:
    before = files_below(sample.checkout)
    done = teleclaude("verify", "--report", str(report_file), "--json", PGPASSWORD=str(target.password))
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert results["equal"] is True
    assert {result["name"]: result["target_rows"] for result in results["results"]}["sessions"] == 20
    assert files_below(sample.checkout) == before


async def test_what_changed_is_named_and_the_rest_is_still_compared(report_file: Path, target: URL) -> None:
    await query(target, "UPDATE system_settings SET value = 'changed' WHERE key = 'setting_1'")
    done = teleclaude("verify", "--report", str(report_file), PGPASSWORD=str(target.password))
    assert done.returncode == 3
    assert "system_settings" in done.stderr
    assert "'changed'" in done.stderr
    assert "sessions: 20 rows" in done.stdout


def test_a_source_that_was_written_to_since_is_named(
    report_file: Path, target: URL, sample: SampleInstallation
) -> None:
    with editing(sample) as database:
        database.execute("PRAGMA wal_checkpoint")
        database.execute("UPDATE system_settings SET value = 'late' WHERE key = 'setting_1'")
    done = teleclaude("verify", "--report", str(report_file), PGPASSWORD=str(target.password))
    assert done.returncode == 3
    assert "was written to since the migration" in done.stderr


def test_a_file_that_is_no_report_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[]")
    done = teleclaude("verify", "--report", str(path))
    assert done.returncode == 3
    assert "is not the report of a migration" in done.stderr or "moved nothing" in done.stderr
    assert "Traceback" not in done.stderr
