"""At the end every file of the old installation is as it was, or the run fails."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.plan.plan import Plan, make_plan
from teleclaude.migration.report.events import SourceFileResult
from teleclaude.migration.source.installation import SourceFile
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import closing_privseps
from teleclaude.migration.steps.finish import finish


@pytest.fixture
def plan(inventory: Inventory, tmp_path: Path) -> Plan:
    """Plan the rehearsal of an installation that has two files and no database."""
    files = []
    for name in ("config.yml", ".env"):
        path = tmp_path / name
        path.write_text(name)
        files.append(SourceFile(path, hashlib.sha256(name.encode()).hexdigest()))
    seen = replace(inventory, files=tuple(files), home=tmp_path, checkout=tmp_path)
    return make_plan(Options(dry_run=True), seen)


async def test_every_old_file_is_listed_as_it_was_and_as_it_is(plan: Plan) -> None:
    with closing_privseps():
        results = [event async for event in finish(plan) if isinstance(event, SourceFileResult)]
    assert [Path(result.path).name for result in results] == ["config.yml", ".env"]
    assert all(result.sha256_before == result.sha256_after for result in results)


async def test_an_old_file_that_changed_is_named(plan: Plan) -> None:
    plan.inventory.files[1].path.write_text("changed")
    with closing_privseps(), pytest.raises(SourceError, match=r"\.env changed during the migration"):
        async for _ in finish(plan):
            pass
