"""Judges the folders of state, logs, shared docs and socket. Pure."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from teleclaude.checks.facts import Facts, Kind, PathFacts, Setting
from teleclaude.checks.layers import HIDDEN, NOT_REACHED
from teleclaude.checks.result import Fault, Result, failure, passed, skipped, warning, whole

MISSING = failure("{path} is missing", "{sudo}install -d{its} -m {allowed} {path}")
NO_DOCS = warning("{path} is missing: there are no shared docs", "{sudo}install -d -m 0755 {path}")
NOT_MADE = skipped("{path} is not there; a trial does not make it", "nothing needs to be done")
NO_SOCKET_FOLDER = warning("{path} is missing; the service manager makes it when the service starts", "{start}")
NOT_A_FOLDER = failure("{path} is {kind} and not a folder", "move it away, then make the folder")
WRONG_OWNER = failure("{path} belongs to {owner} and not to root or {reader}", "{sudo}chown {holder} {path}")
NOT_ROOTS = failure(
    "{owner} or its group can change {path}, and root runs files of migrations from there",
    "sudo chown root:{service} {path} && sudo chmod {allowed} {path}",
)
WRONG_MODE = failure("{path} has the mode {mode}, which lets others change it", "{sudo}chmod {allowed} {path}")
UNSAFE_FOLDER = failure(
    "users other than root can change {folder}, and so {path} below it",
    "sudo chown root {folder} && sudo chmod go-w {folder}",
)
TOO_OPEN = warning("{path} has the mode {mode}: everyone can read it", "sudo chmod {allowed} {path}")
TOO_CLOSED = warning("{path} has the mode {mode}: not everyone can read it", "{sudo}chmod {allowed} {path}")
NOT_WRITABLE = failure(
    "{path} cannot be written by {reader}, the user of the daemon",
    "{sudo}chown {holder}:{reader} {path} && {sudo}chmod {allowed} {path}",
)

_PRIVATE, _PUBLIC, _SHARED = 0o750, 0o755, 0o1770


def judge(facts: Facts) -> Result:
    """The folders exist, the daemon can write where it must, and others cannot."""
    trial = facts.setting.trial
    socket_missing = None if facts.socket_folder.makeable else NO_SOCKET_FOLDER
    parts = (
        _judge_place("state", facts, facts.state, _SHARED, MISSING),
        _judge_place("logs", facts, facts.logs, _PRIVATE, NOT_MADE if trial else MISSING),
        _judge_place("docs", facts, facts.docs, _PUBLIC, NO_DOCS),
        _judge_place("socket folder", facts, facts.socket_folder, _PUBLIC, socket_missing),
    )
    return whole("places", parts)


def _judge_place(name: str, facts: Facts, place: PathFacts, allowed: int, missing: Fault | None) -> Result:
    if place.kind is Kind.MISSING and missing is None:
        return passed(name, f"{place.path} is not there; the daemon makes it")
    writes = name != "docs"
    fault = next(_find_faults(facts, place, allowed, missing, writes=writes), None)
    if fault is None:
        return passed(name, place.shown)
    holder = (facts.setting.keeper if allowed == _SHARED else facts.setting.reader).name
    return fault.found(
        name,
        facts.setting.words,
        path=place.path,
        kind=place.kind,
        owner=place.owner,
        holder=holder,
        its="" if facts.setting.trial else f" -o {holder} -g {facts.setting.layout.service_user}",
        folder=place.unsafe,
        caller=facts.setting.caller.name,
        mode=f"{place.mode:04o}",
        allowed=f"{allowed:04o}",
    )


def _find_faults(
    facts: Facts, place: PathFacts, allowed: int, missing: Fault | None, *, writes: bool
) -> Iterator[Fault]:
    setting = facts.setting
    if place.kind is Kind.MISSING and missing is not None:
        yield missing
    elif place.kind is Kind.HIDDEN:
        yield NOT_REACHED if setting.sees_as_daemon else HIDDEN
    elif place.kind is not Kind.FOLDER:
        yield NOT_A_FOLDER
    else:
        yield from _find_wrong_rights(setting, place, allowed)
        if writes and setting.sees_as_daemon and not place.writable:
            yield NOT_WRITABLE


def _find_wrong_rights(setting: Setting, place: PathFacts, allowed: int) -> Iterator[Fault]:
    if allowed == _SHARED and place.unsafe == place.path:
        yield NOT_ROOTS
    elif place.uid not in {0, setting.reader.uid}:
        yield WRONG_OWNER
    elif place.mode & (0o002 if setting.trial or place.mode & stat.S_ISVTX else 0o022):
        yield WRONG_MODE
    elif place.unsafe is not None:
        yield UNSAFE_FOLDER
    elif allowed != _PUBLIC and place.mode & 0o007 and not setting.trial:
        yield TOO_OPEN
    elif allowed == _PUBLIC and place.mode & 0o005 != 0o005 and not setting.trial:
        yield TOO_CLOSED
