"""Judges the state of the service. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Result, failure, passed, skipped, warning, whole
from teleclaude.errors import Problem
from teleclaude.platform.names import UnitState, names_of

NO_MANAGER = skipped("{message}", "{hint}")
NOT_INSTALLED = failure("{unit} is not installed", "sudo bin/install-system.sh")
NOT_LOADED = failure("{unit} is {load}: the service manager cannot use it", "{status}")
STALE = warning("{unit} has changed since the service manager read it", "{reload}")
NOT_ENABLED = warning("{unit} is {enabled}: it does not start at boot", "{enable}")
FAILED = failure("{unit} has failed: {result}", "{journal}; then: {restart}")
STARTING = warning(
    "{unit} is starting", "wait a minute, then: sudo teleclaude self-check; if it is still starting: {journal}"
)
NOT_ACTIVE = warning("{unit} is {active}", "{start}")
OLD_UNIT = failure("{name}, a unit of the old installation, is still {old}", "{retire}")

_FINE = {"enabled", "enabled-runtime", "static", "linked", "alias", "generated"}


def judge(facts: Facts) -> Result:
    """The service is installed, starts at boot, and runs; the old units do neither."""
    service = facts.service
    if isinstance(service, Problem):
        return NO_MANAGER.found("service", facts.setting.words, **vars(service))
    parts = (_judge_unit(facts, service), _judge_activity(facts, service), *_judge_old_units(facts))
    return whole("service", parts)


def _judge_unit(facts: Facts, service: UnitState) -> Result:
    wrong = {
        NOT_INSTALLED: service.load == "not-found",
        NOT_LOADED: service.load != "loaded",
        STALE: service.stale,
        NOT_ENABLED: service.enabled not in _FINE,
    }
    fault = next((fault for fault, applies in wrong.items() if applies), None)
    if fault is None:
        return passed("unit", f"{facts.setting.layout.unit} is installed and {service.enabled}")
    return fault.found("unit", facts.setting.words, load=service.load, enabled=service.enabled)


def _judge_activity(facts: Facts, service: UnitState) -> Result:
    if facts.runs:
        return passed("activity", f"{facts.setting.layout.unit} is {service.active}")
    # Between two attempts to start, the result is that of the last attempt.
    starting = service.active == "activating"
    failed = service.active == "failed" or (starting and service.result not in {"", "success"})
    fault = FAILED if failed else STARTING if starting else NOT_ACTIVE
    return fault.found("activity", facts.setting.words, active=service.active, result=service.result or "see its log")


def _judge_old_units(facts: Facts) -> Iterator[Result]:
    retire = names_of(facts.setting.platform).commands.retire
    still = [(unit, state) for unit, state in facts.old_units if state.kept or state.at_boot]
    for unit, state in still:
        words = {"name": unit.name, "old": "active" if state.kept else "enabled", "retire": unit.fill(retire)}
        yield OLD_UNIT.found(f"old unit {unit.name}", facts.setting.words, **words)
    if not still:
        yield passed("old units", "those of the old installation are neither enabled nor active")
