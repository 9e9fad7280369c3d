"""Judges the socket of the daemon. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Facts, Kind
from teleclaude.checks.result import Result, failure, passed, skipped, warning

NO_SOCKET = warning("no daemon listens: {path} is missing", "{start}")
LOST = failure("{unit} runs, and {path} is missing: no client can reach it", "{restart}")
NO_ANSWER = failure(
    "{path} exists, and no working daemon answers there: {message}",
    "{start}; it removes the socket that a killed daemon left",
)
SILENT = failure(
    "{unit} runs, and does not answer on {path} that it is well: {message}",
    "fix the database first; if the database is well: {restart}",
)
NO_SOCKET_FILE = failure("{path} is {kind} and not a socket", "{sudo}rm -r {path}, then: {start}")
NOT_ALLOWED = skipped("{path} gives {caller} no answer: {message}", "sudo teleclaude self-check{below}")
STRANGE_SOCKET = failure(
    "{path} belongs to {owner} and not to {reader}", "find who listens: {sudo}lsof {path}; then: {restart}"
)


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
