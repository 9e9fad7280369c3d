"""Which report is meant."""

from pathlib import Path

import pytest

from teleclaude.errors import ConfigError
from teleclaude.migration.recovery.reports import find_report

OLD, NEW, REFUSED = "20260101T000000Z-ffffff", "20260201T000000Z-000000", "20260301T000000Z-000000"


def test_the_latest_run_that_kept_a_report_is_meant_without_a_name(tmp_path: Path) -> None:
    for name in (NEW, OLD, REFUSED):
        (tmp_path / name).mkdir()
    for name in (NEW, OLD):
        (tmp_path / name / "report.json").touch()
    assert find_report(None, tmp_path) == tmp_path / NEW


def test_the_name_of_a_run_is_told_from_a_path(tmp_path: Path) -> None:
    assert find_report(OLD, tmp_path) == tmp_path / OLD
    assert find_report("report.json", tmp_path) == Path("report.json")
    assert find_report(f"x/{OLD}", tmp_path) == Path(f"x/{OLD}")


@pytest.mark.parametrize("folder", ["none", "empty"])
def test_no_run_at_all_is_one_sentence(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="there is no report below"):
        find_report(None, tmp_path / folder)
