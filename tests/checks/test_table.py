"""Every fault is in a table, every table is in the page, and the probe of the daemon judges some of them."""

import json
import re
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

import teleclaude.migration.steps.probe
from teleclaude import checks
from teleclaude.checks.facts import DatabaseFacts
from teleclaude.checks.look import look_at_installation
from teleclaude.checks.result import Fault, Result, State, passed, whole
from teleclaude.checks.table import AT_PROBE, CHECKS, Check, find_problems, judge
from teleclaude.db.search.places import Search
from teleclaude.errors import Exit, Problem
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, Finding, note, warning
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from tests.support.command import teleclaude as run_teleclaude
from tests.support.sample import has_nothing, migrate_sample
from tests.support.standing import Migrated

PAGE = (Path(__file__).parents[2] / "docs/self-check.md").read_text()


def section(check: Check) -> str:
    return PAGE.split(f"\n### {check.name}\n")[1].split("\n##", maxsplit=1)[0]


def to_row(fault: Fault) -> str:
    assert "|" not in fault.problem.message + fault.problem.hint
    return f"| {fault.state} | {fault.problem.message} | {fault.problem.hint} |"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_fault_and_its_remedy_is_in_the_page_and_the_reverse(check: Check) -> None:
    rows = [line for line in section(check).splitlines() if line[:1] == "|"][2:]
    assert rows == [to_row(fault) for fault in check.faults]


def test_every_check_is_in_the_page_and_the_reverse() -> None:
    assert re.findall(r"^### (.*)$", PAGE, re.M) == [check.name for check in CHECKS]


def test_every_fault_of_the_code_is_in_a_table() -> None:
    listed = {fault for check in CHECKS for fault in check.faults}
    modules = [vars(module) for name, module in vars(checks).items() if f"teleclaude.checks.{name}" in sys.modules]
    found = {value for names in modules for value in names.values() if isinstance(value, Fault)}
    assert found == listed


def test_every_fault_has_a_remedy() -> None:
    assert [fault.problem.message for check in CHECKS for fault in check.faults if not fault.problem.hint] == []


def test_every_check_says_in_a_sentence_what_it_is_about() -> None:
    for check in CHECKS:
        assert check.judge.__doc__
        assert check.judge.__doc__.strip() in section(check)


def test_a_path_is_quoted_in_a_command_and_not_in_a_sentence() -> None:
    fault = Fault(State.FAILURE, Problem("{path} is there", "rm {path}"))
    found = fault.found("x", {}, path=Path("/a b"))
    assert (found.problem.message, found.problem.hint) == ("/a b is there", "rm '/a b'")


@pytest.mark.parametrize("state", State)
def test_a_whole_is_as_bad_as_its_worst_part(state: State) -> None:
    part = Result("part", state, Problem("so it is"))
    expected = State.PASS if state is State.SKIPPED else state
    assert whole("x", [passed("other", "well"), part]).state is expected
    assert whole("x", [part]).state is state


def probe(migrated: Migrated) -> tuple[int, dict[str, object]]:
    done = run_teleclaude("daemon", "--probe", "--root", str(migrated.root))
    return done.returncode, json.loads(done.stdout)


async def loosen(plan: Plan) -> AsyncGenerator[Event, None]:
    """Let everyone read the secrets that were just published."""
    plan.inventory.layout.secrets.chmod(0o644)
    yield note("loosen", Problem("done"))


@pytest.mark.usefixtures("daemon_here")
async def test_a_check_that_fails_takes_a_migration_back(options: Options, target: URL) -> None:
    report = await migrate_sample(options, (*STEPS[:3], Step("loosen", loosen), *STEPS[3:]))
    assert report.exit_code == Exit.UNDONE
    assert "secrets.yml has the mode 0644" in str(report.failure)
    assert await has_nothing(target)


@pytest.mark.usefixtures("daemon_here")
async def test_a_warning_is_a_finding_of_a_migration(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = teleclaude.migration.steps.probe.boot_daemon

    async def warn(plan: Plan, searches: Sequence[Search]) -> dict[str, Any]:
        return {**await boot(plan, searches), "findings": [{"message": "the way is open", "hint": "close it"}]}

    monkeypatch.setattr(teleclaude.migration.steps.probe, "boot_daemon", warn)
    report = await migrate_sample(options)
    assert report.ok
    assert warning("probe", Problem("the way is open", "close it")) in report.all(Finding)


def test_a_probe_fails_where_a_check_fails_that_booting_would_not_mind(migrated: Migrated) -> None:
    assert probe(migrated)[0] == 0
    migrated.secrets.chmod(0o644)
    code, verdict = probe(migrated)
    assert code == 3
    assert verdict["ok"] is False
    assert verdict["problems"] == [
        {
            "message": f"{migrated.secrets} has the mode 0644, which lets others do more than 0640",
            "hint": f"chmod 0640 {migrated.secrets}",
        }
    ]


async def test_what_is_only_a_warning_is_a_finding_of_the_probe(migrated: Migrated) -> None:
    facts = await look_at_installation(migrated.root, {}, sys.platform)
    assert isinstance(facts.database, DatabaseFacts)
    far = replace(facts, database=replace(facts.database, version=190000, on_this_computer=False, tls=""))
    results = judge(far, AT_PROBE)
    assert find_problems(results, State.FAILURE) == []
    assert [finding["message"].partition(" ")[0] for finding in find_problems(results, State.WARNING)] == ["the", "the"]
    assert {check.name for check in AT_PROBE} == {"layers", "database", "schema"}
