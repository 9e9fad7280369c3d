"""A run knows what happened in it."""

from __future__ import annotations

import json
from pathlib import Path

from teleclaude.errors import Exit, Problem
from teleclaude.migration.plan.plan import make_plan
from teleclaude.migration.report.events import error, note, warning
from teleclaude.migration.report.report import StepRun
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.migration.state.journal import find_entry, read_journal
from teleclaude.migration.state.run_state import Observer, Run, new_run, write_report, write_start

SAID = Problem("said", "nothing to do")


def test_no_two_runs_have_the_same_name() -> None:
    assert len({new_run() for _ in range(100)}) == 100


def test_an_error_of_any_step_refuses_a_run_and_a_warning_does_not(inventory: Inventory) -> None:
    run = Run(make_plan(Options(), inventory), Observer())
    run.steps.append(StepRun("preflight", "done", 0.0, (note("a", SAID), warning("b", SAID))))
    assert not run.refused
    run.steps.append(StepRun("preflight", "done", 0.0, (error("c", SAID),)))
    assert run.refused


def test_a_refused_run_says_why_in_its_report(inventory: Inventory) -> None:
    run = Run(make_plan(Options(), inventory), Observer())
    run.refuse(SAID)
    report = run.to_report()
    assert report.exit_code == Exit.REFUSED
    assert report.failure is not None
    assert report.failure.problem == SAID


def test_the_journal_and_the_report_say_the_same_of_how_to_plan_a_run_again(
    inventory: Inventory, tmp_path: Path
) -> None:
    plan = make_plan(Options(report_dir=tmp_path), inventory)
    plan.folder.mkdir()
    write_start(plan)
    start = find_entry(read_journal(plan.folder), "start")
    assert start is not None
    assert start["record"] == Run(plan, Observer()).to_report().to_json()["record"]
    assert RunRecord.from_json(start["record"]).run == plan.run


def test_a_rehearsal_writes_no_rollback_because_it_keeps_nothing(inventory: Inventory, tmp_path: Path) -> None:
    for dry_run, written in ((True, False), (False, True)):
        plan = make_plan(Options(report_dir=tmp_path / str(dry_run), dry_run=dry_run), inventory)
        plan.folder.mkdir(parents=True)
        write_start(plan)
        assert (plan.folder / "rollback.txt").exists() is written


def test_only_its_owner_can_read_a_report(inventory: Inventory, tmp_path: Path) -> None:
    report = Run(make_plan(Options(), inventory), Observer()).to_report().to_json()
    write_report(tmp_path, report)
    assert json.loads((tmp_path / "report.json").read_bytes()) == report
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "report.json": 0o600,
        "report.html": 0o600,
    }
