"""A run that was cut off is found by its row or by its journal, and planned as it was planned first."""

from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.db.url import display_url
from teleclaude.errors import Problem
from teleclaude.migration.recovery.interrupted import find_interrupted, find_refusal, plan_again, same_options, settle
from teleclaude.migration.report.events import error
from teleclaude.migration.source.inventory import Inventory, TargetRun, TargetState
from teleclaude.migration.source.options import Options, Recovery
from teleclaude.migration.source.run_record import JournaledRun, RunRecord
from teleclaude.migration.state.journal import SETTLED, Interrupted, find_entry, read_journal
from tests.support.record import RECORD

PENDING = TargetRun(RECORD.run, "pending", "/home/ada/teleclaude/teleclaude.db", "00ff", RECORD.started_at)
COMPLETE = replace(PENDING, state="complete")


@pytest.fixture
def record(inventory: Inventory, tmp_path: Path) -> RunRecord:
    """Return the record of a run into the database of the inventory; its places are in a folder of the test."""
    assert inventory.url is not None
    return replace(
        RECORD,
        target=display_url(inventory.url),
        files=(tmp_path / "etc/config.yml",),
        docs=tmp_path / "docs",
        private=tmp_path / "private",
    )


def journal(record: RunRecord, folder: Path, *, committing: bool = True) -> JournaledRun:
    return JournaledRun(folder / record.run, record, committing=committing)


def seen(inventory: Inventory, *runs: TargetRun, journals: tuple[JournaledRun, ...] = ()) -> Inventory:
    assert inventory.target is not None
    return replace(inventory, target=replace(inventory.target, runs=runs), journals=journals)


def test_without_a_row_and_a_journal_no_run_was_cut_off(inventory: Inventory) -> None:
    assert find_interrupted(inventory) is None
    assert find_interrupted(seen(inventory, COMPLETE)) is None


def test_a_pending_row_alone_is_a_run_that_was_cut_off(inventory: Inventory) -> None:
    assert find_interrupted(seen(inventory, PENDING)) == Interrupted(RECORD.run, PENDING, None)


def test_a_complete_row_is_one_where_its_journal_has_no_end(
    inventory: Inventory, record: RunRecord, tmp_path: Path
) -> None:
    found = find_interrupted(seen(inventory, COMPLETE, journals=(journal(record, tmp_path),)))
    assert found is not None
    assert found.is_complete
    assert found.record == record


@pytest.mark.parametrize(
    ("committing", "elsewhere", "found"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_journal_alone_is_one_where_its_commit_may_have_reached_another_database(
    inventory: Inventory, record: RunRecord, tmp_path: Path, committing: bool, elsewhere: bool, found: bool
) -> None:
    record = replace(record, target="postgresql://ada@elsewhere/t") if elsewhere else record
    left = journal(record, tmp_path, committing=committing)
    assert (find_interrupted(seen(inventory, journals=(left,))) is not None) is found


def test_a_journal_alone_is_one_where_a_published_file_has_the_mark_of_its_run(
    inventory: Inventory, record: RunRecord, tmp_path: Path
) -> None:
    left = journal(record, tmp_path, committing=False)
    record.files[0].parent.mkdir()
    record.files[0].write_text("# Written by teleclaude migrate-to-system, run another.\n")
    assert find_interrupted(seen(inventory, journals=(left,))) is None
    record.files[0].write_text(f"# Written by teleclaude migrate-to-system, run {record.run}.\n")
    assert find_interrupted(seen(inventory, journals=(left,))) is not None


def test_a_run_that_left_nothing_elsewhere_is_settled(inventory: Inventory, record: RunRecord, tmp_path: Path) -> None:
    left = journal(replace(record, new_directories=(tmp_path / "etc",)), tmp_path)
    left.folder.mkdir()
    (left.folder / "rollback.sql").touch()
    record.files[0].parent.mkdir()
    settle(left, inventory)
    assert not (left.folder / "rollback.sql").exists()
    assert find_entry(read_journal(left.folder), SETTLED["event"]) is not None
    assert not (tmp_path / "etc").exists()


def test_options_are_those_of_the_run_but_target_root_and_recovery_those_of_today() -> None:
    today = Options(target="postgresql://b/t", root=Path("/r"), recovery=Recovery.UNDO, person="Bob", batch_size=1)
    assert same_options(today, None) == today
    given = same_options(today, RECORD)
    assert (given.target, given.root, given.recovery) == (today.target, today.root, Recovery.UNDO)
    assert (given.source, given.home, given.person, given.uid) == (RECORD.checkout, RECORD.home, None, 1000)
    assert (given.timezone, given.batch_size) == ("Europe/Paris", 7)


def test_a_run_is_planned_again_under_its_name_for_the_target_as_it_was_before(inventory: Inventory) -> None:
    filled = TargetState(rows={"sessions": 20}, revision="0001", head="0001", schemas=frozenset({"legacy", "public"}))
    plan = plan_again(Options(), replace(inventory, target=filled), RECORD.run, replace(RECORD, schema_existed=False))
    assert plan.run == RECORD.run
    assert plan.inventory.started_at == RECORD.started_at
    assert not plan.schema_exists
    assert plan.inventory.target is not None
    assert plan.inventory.target.rows == {}
    assert plan.inventory.target.schemas == {"public"}


def refusal(inventory: Inventory, interrupted: Interrupted) -> str | None:
    plan = plan_again(Options(), inventory, interrupted.run, interrupted.record, interrupted.on_target)
    found = find_refusal(plan, inventory, interrupted)
    return None if found is None else f"{found.message}: {found.hint}"


def test_a_row_alone_can_be_taken_up(inventory: Inventory) -> None:
    assert refusal(seen(inventory, PENDING), Interrupted(RECORD.run, PENDING, None)) is None


def test_a_busy_target_is_waited_for(inventory: Inventory) -> None:
    assert inventory.target is not None
    busy = replace(inventory, target=replace(inventory.target, held_by="a daemon works on it"))
    assert refusal(busy, Interrupted(RECORD.run, PENDING, None)) == "a daemon works on it: stop it and run again"


def test_what_keeps_the_target_away_is_said(inventory: Inventory) -> None:
    away = replace(inventory, target=None, problems=(error("target", Problem("nobody answers", "start it")),))
    assert refusal(away, Interrupted(RECORD.run, None, None)) == "nobody answers: start it"


def test_another_target_is_named(inventory: Inventory, record: RunRecord, tmp_path: Path) -> None:
    other = replace(
        record, target="postgresql://ada@elsewhere/t", reached_by="postgresql://ada@elsewhere/t?passfile=/x"
    )
    said = refusal(inventory, Interrupted(record.run, None, journal(other, tmp_path)))
    assert said is not None
    assert said.endswith("use --target postgresql://ada@elsewhere/t?passfile=/x with --resume or --undo")


def test_other_places_are_named(inventory: Inventory, record: RunRecord, tmp_path: Path) -> None:
    said = refusal(inventory, Interrupted(record.run, PENDING, journal(record, tmp_path)))
    assert said is not None
    assert f"other places, for example {tmp_path}/etc/config.yml" in said
