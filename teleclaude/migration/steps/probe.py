"""The last check before the end: the real daemon boots on the new database and lists what the source holds."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from teleclaude.daemon.service_user import find_identity, make_environment, python
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.search.places import Search
from teleclaude.db.store.sessions import LISTED_STATUSES
from teleclaude.errors import Problem, TargetError
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import Event, ProbeResult, note, warning
from teleclaude.migration.source.reader import BATCH_SIZE, read_rows, reading
from teleclaude.migration.state.ledger import index_ledger
from teleclaude.migration.steps import problems
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.read_back import Target
from teleclaude.migration.verify.rejects import count_rejects, without_rejects
from teleclaude.migration.verify.search_check import make_search_check

_TIMEOUT_SECONDS = 600

_LISTED_BY = frozenset({"session_id", "closed_at", "lifecycle_status"})
"""The columns by which a session is listed."""


async def probe(plan: Plan) -> AsyncGenerator[Event, None]:
    """Boot the daemon read-only and compare; raises TargetError where it does not list what the source holds."""
    if plan.options.dry_run:
        yield note("probe", problems.NOT_PROBED)
        return
    check = make_search_check(plan.databases, plan.tables)
    searches = check.choose()
    verdict = await boot_daemon(plan, searches)
    listed, counts = await _read_expected(plan)
    wrong = list(_find_wrong(plan.run, verdict, listed, counts))
    found = verdict.pop("searches", [])
    yield ProbeResult(
        ok=not wrong,
        sessions_expected=len(listed["all_sessions"]),
        sessions_listed=len(verdict.get("all_sessions", ())),
        searches=len(found),
        verdict={**verdict, "problems": [problem.message for problem in wrong]},
    )
    if wrong:
        raise TargetError(wrong[0])
    for finding in verdict.get("findings", ()):
        yield warning("probe", problems.WARNED.fill(**finding))
    for difference in await check.find_differences(searches, found):
        yield warning("search", difference)


async def boot_daemon(plan: Plan, searches: Sequence[Search]) -> dict[str, Any]:
    """Run `teleclaude daemon --probe` as the service manager would, and return its verdict.

    Raises TargetError where its answer cannot be read.
    """
    command = python("-m", "teleclaude", "daemon", "--probe", "--searches", "-")
    if plan.inventory.layout.root is not None:
        command += ["--root", str(plan.inventory.layout.root)]
    identity = find_identity(plan.inventory.layout.service_user) if plan.inventory.as_service_user else None
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            env=make_environment(os.environ),
            **(identity.for_process() if identity else {}),
        )
    except OSError as error:
        raise TargetError(problems.CANNOT_RUN.fill(program=sys.executable, reason=error.strerror)) from error
    try:
        asked = json.dumps([asdict(search) for search in searches]).encode()
        stdout, stderr = await asyncio.wait_for(process.communicate(asked), _TIMEOUT_SECONDS)
    except TimeoutError as error:
        raise TargetError(problems.NO_VERDICT.fill(seconds=_TIMEOUT_SECONDS)) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        verdict = json.loads(stdout)
    except ValueError:
        last = (stderr.decode(errors="replace").strip().splitlines() or ["it gave no reason"])[-1]
        raise TargetError(problems.DID_NOT_BOOT.fill(last=last)) from None
    assert isinstance(verdict, dict)
    return verdict


async def _read_expected(plan: Plan) -> tuple[dict[str, frozenset[str]], dict[str, int]]:
    """Return the ids that the daemon must list, and the rows of every table of ours, without the rejected ones.

    They are read from the copy, through the plan.
    """
    assert plan.url is not None
    table = next(table for table in plan.tables if table.name == "sessions" and not table.legacy)
    async with disposing(make_engine(plan.url, read_only=True)) as engine, engine.connect() as connection:
        target = Target(connection)
        ours = [table for table in plan.tables if not table.legacy]
        counts = {table.name: table.rows - await count_rejects(target, table) for table in ours}
        with reading(plan.databases) as sources:
            values = await _read_sessions(plan, table, sources.of(table.from_events), target)
    listed = frozenset(str(row["session_id"]) for row in values if _is_listed(row))
    return {"open_sessions": listed, "all_sessions": frozenset(str(row["session_id"]) for row in values)}, counts


async def _read_sessions(plan: Plan, table: TablePlan, reader: Connection, target: Target) -> list[dict[str, Any]]:
    """Return what PostgreSQL must hold for the columns of every session by which it is listed."""
    if not await count_rejects(target, table):
        # Whole rows are read only to know the rejected ones.
        table = replace(table, columns=tuple(column for column in table.columns if column.name in _LISTED_BY))
    wanted = [(place, column.name) for place, column in enumerate(table.columns) if column.name in _LISTED_BY]
    batches = read_rows(reader, table.select, plan.options.batch_size, BATCH_SIZE)
    async with (
        index_ledger(plan.ledger, plan.inventory.private) as ledger,
        aclosing(without_rejects(target, table, batches)) as kept,
    ):
        check = LedgerCheck(table, ledger)
        return [{name: check.stored_value(row, place) for place, name in wanted} async for rows in kept for row in rows]


def _is_listed(row: dict[str, Any]) -> bool:
    # A column that the old database lacks has the model's default.
    return row.get("closed_at") is None and row.get("lifecycle_status", "active") in LISTED_STATUSES


def _find_wrong(
    run: str, verdict: dict[str, Any], expected: Mapping[str, frozenset[str]], counts: Mapping[str, int]
) -> Iterator[Problem]:
    """Yield everything in the verdict that is not as it must be."""
    for problem in verdict.get("problems", []):
        yield problems.PROBE_FAILED.fill(**problem)
    if not verdict.get("ok"):
        return
    if verdict["backend"] != "postgresql":
        yield problems.WRONG_BACKEND.fill(backend=verdict["backend"])
    if verdict["pending_runs"] != [run]:
        yield problems.WRONG_RUNS.fill(found=verdict["pending_runs"], wanted=run)
    for name, wanted in expected.items():
        listed = verdict[name]
        if frozenset(listed) != wanted or len(listed) != len(wanted):
            said = {"name": name.replace("_", " "), "found": len(listed), "wanted": len(wanted)}
            yield problems.WRONG_SESSIONS.fill(**said)
    for table, rows in counts.items():
        if (found := verdict["counts"].get(table)) != rows:
            yield problems.WRONG_COUNT.fill(table=table, found=found, wanted=rows)
