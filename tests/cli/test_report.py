"""The report as text, later."""

import json
from pathlib import Path

from teleclaude.cli.page import MOST_TABLES
from tests.support.command import teleclaude
from tests.support.standing import Migrated


def test_the_last_page_is_one_command_away_and_without_a_name_it_is_the_latest(migrated: Migrated) -> None:
    page = teleclaude("report", str(migrated.folder))
    assert page.returncode == 0, page.stderr
    assert "Done and proved." in page.stdout
    assert "To go back:" in page.stdout
    for named in ([migrated.folder.name], []):
        assert teleclaude("report", *named, "--root", str(migrated.root)).stdout == page.stdout


def test_all_tables_are_shown_on_demand(migrated: Migrated) -> None:
    names = {table["name"] for table in json.loads((migrated.folder / "report.json").read_text())["tables"]}
    few, all_ = (teleclaude("report", str(migrated.folder), *flags).stdout for flags in ([], ["--tables"]))
    shown = [{line.split(" ")[0] for line in page.splitlines()} for page in (few, all_)]
    assert f"{len(names) - MOST_TABLES} more" in few
    assert len(names & shown[0]) == MOST_TABLES
    assert names <= shown[1]


def test_what_the_page_only_counts_is_listed_with_its_queries(migrated: Migrated) -> None:
    report = json.loads((migrated.folder / "report.json").read_text())
    warned = {"severity": "warning", "subject": "subject", "hint": "look"}
    report["findings"] = [{**warned, "message": f"said {number}"} for number in range(9)]
    report["constraints"] = [{"name": "x_fkey", "table": "x", "state": "not valid", "rows": 1, "query": "SELECT one"}]
    (migrated.folder / "report.json").write_text(json.dumps(report))
    page = teleclaude("report", str(migrated.folder)).stdout
    assert all(f"said {number} " in page or f"said {number}\n" in page for number in range(9))
    assert "    SELECT one\n" in page


def test_a_run_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = teleclaude("report", "--root", str(tmp_path))
    assert done.returncode == 3
    assert f"there is no report below {tmp_path}/var/lib/teleclaude/migration" in done.stderr
    (tmp_path / "report.json").write_text("{}")
    done = teleclaude("report", str(tmp_path))
    assert done.returncode == 3
    assert f"{tmp_path}/report.json is not the report of a migration" in done.stderr
