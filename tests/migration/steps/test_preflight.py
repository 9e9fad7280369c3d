"""Before anything is written, everything that is wrong is said at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from teleclaude.migration.plan.plan import make_plan
from teleclaude.migration.plan.problems import UNKNOWN_ZONE, UNKNOWN_ZONE_THERE
from teleclaude.migration.report.events import Finding, OldFile, Severity
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.migration.steps.preflight import preflight


async def test_everything_that_refuses_a_run_is_said_at_once(inventory: Inventory) -> None:
    plan = make_plan(Options(timezone="Nowhere/At_All"), replace(inventory, database=None, target=None))
    events = [event async for event in preflight(plan)]
    errors = [event for event in events if isinstance(event, Finding) and event.severity is Severity.ERROR]
    assert errors == [finding for finding in plan.findings if finding.severity is Severity.ERROR]
    assert any("Nowhere/At_All" in finding.problem.message for finding in errors)


async def test_what_becomes_of_every_old_file_is_said_also_of_a_run_that_is_refused(
    inventory: Inventory, tmp_path: Path
) -> None:
    plan = make_plan(Options(timezone="Nowhere/At_All"), replace(inventory, home=tmp_path))
    events = [event async for event in preflight(plan)]
    assert [event for event in events if isinstance(event, OldFile)] == list(plan.old_files)


async def test_an_unknown_time_zone_is_named_with_its_place_and_the_nearest(inventory: Inventory) -> None:
    [found] = [
        each
        for each in make_plan(Options(timezone="Europe/Amstrdam"), inventory).findings
        if "zone" in each.problem.message
    ]
    assert found.problem == UNKNOWN_ZONE.fill(zone="'Europe/Amstrdam'", nearest="Europe/Amsterdam")
    there = make_plan(Options(), replace(inventory, timezone="Europe/Amstrdam"))
    assert UNKNOWN_ZONE_THERE.fill(
        zone="'Europe/Amstrdam'", nearest="Europe/Amsterdam", path=inventory.checkout / "config.yml"
    ) in [each.problem for each in there.findings]
