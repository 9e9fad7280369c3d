"""Judges the socket of the daemon. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Facts, Kind
from teleclaude.checks.result import Fault, Result, State, passed

NO_SOCKET = Fault(State.WARNING, "no daemon listens: {path} is missing", "{start}")
LOST = Fault(State.FAILURE, "{unit} runs, and {path} is missing: nobody can call it", "{restart}")
NO_ANSWER = Fault(
    State.FAILURE,
    "{path} is there, and no daemon says there that it is well: {message}",
    "{start}; a daemon that starts removes what a killed one left",
)
SILENT = Fault(
    State.FAILURE,
    "{unit} runs, and does not say on {path} that it is well: {message}",
    "see to the database first; where that is well: {restart}",
)
NO_SOCKET_FILE = Fault(State.FAILURE, "{path} is {kind} and not a socket", "{sudo}rm -r {path}, then: {start}")
NOT_ALLOWED = Fault(State.SKIPPED, "{path} gives {caller} no answer: {message}", "sudo teleclaude self-check{below}")
STRANGE_SOCKET = Fault(
    State.FAILURE, "{path} belongs to {owner}, and not to {reader}", "see who listens: {sudo}lsof {path}; {restart}"
)
FAULTS = (NO_SOCKET, LOST, NO_ANSWER, SILENT, NO_SOCKET_FILE, NOT_ALLOWED, STRANGE_SOCKET)


def judge(facts: Facts) -> Result:
    """A daemon listens on the socket, which is its own, and answers."""
    socket, setting = facts.socket, facts.setting
    file = socket.file
    wrong = {
        LOST if facts.runs else NO_SOCKET: file.kind is Kind.MISSING,
        NOT_ALLOWED: file.kind is Kind.HIDDEN,
        NO_SOCKET_FILE: file.kind is not Kind.SOCKET,
        STRANGE_SOCKET: file.uid not in {setting.reader.uid, 0},
    }
    fault = next((fault for fault, applies in wrong.items() if applies), None)
    if fault is None and not socket.answers:
        unwell = SILENT if facts.runs else NO_ANSWER
        fault = unwell if setting.sees_as_daemon and file.writable else NOT_ALLOWED
    if fault is None:
        return passed("socket", f"a daemon answers on {file.shown}")
    more = {"path": file.path, "kind": file.kind, "owner": file.owner, "caller": setting.caller.name}
    return fault.found("socket", setting.words, **more, message=socket.said or "it cannot be reached")
