"""What is written into the folder of a run before its first step and after its last one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from teleclaude.db.url import display_url
from teleclaude.migration.plan.plan import Plan, describe, published_paths
from teleclaude.migration.plan.rollback import write_down
from teleclaude.migration.report.html import to_html
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.migration.state.journal import digests, write_record
from teleclaude.migration.state.workspace import write_private

_REPORT_NAME = "report.json"
PAGE_NAME = "report.html"


def _make_record(plan: Plan) -> RunRecord:
    return RunRecord(
        run=plan.run,
        started_at=plan.started_at.isoformat(),
        dry_run=plan.options.dry_run,
        checkout=plan.inventory.checkout,
        home=plan.inventory.home,
        root=plan.inventory.layout.root,
        person=plan.owner.person if plan.owner else None,
        uid=plan.owner.uid if plan.owner else None,
        timezone=plan.timezone,
        batch_size=plan.options.batch_size,
        target=display_url(plan.url) if plan.url else None,
        reached_by=plan.target,
        schema_existed=plan.schema_exists,
        sources=digests(plan.databases),
        files=published_paths(plan),
        docs=plan.inventory.layout.docs,
        snippets=tuple(doc.relative for doc in plan.inventory.docs),
        private=plan.inventory.private,
        new_directories=plan.inventory.destinations.new_directories,
    )


def write_start(plan: Plan) -> None:
    """Write down how to go back, which a rehearsal does not need, and how to plan the run again; raises OSError."""
    for path, content in () if plan.options.dry_run else write_down(plan):
        write_private(path, content)
    write_record(plan.folder, _make_record(plan))


def make_header(plan: Plan) -> dict[str, Any]:
    """Return what a report says of the plan, and how to plan the run again."""
    return {**describe(plan), "record": _make_record(plan).to_json()}


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write a report for programs and then for people; raises OSError, and of the page whatever its template raises."""
    write_private(folder / _REPORT_NAME, json.dumps(report, indent=2))
    write_private(folder / PAGE_NAME, to_html(report))
