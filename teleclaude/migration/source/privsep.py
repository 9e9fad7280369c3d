"""Privilege separation: an unprivileged process with the rights of the account that owns the old installation.

Root forks it once and early. It gives up root's rights for good, runs no other program, and calls the functions that
root names. It sends the files that it opens as descriptors (unix(7), SCM_RIGHTS). Its answers are JSON, because root
must not trust another user's process with more. The kernel lets only root trace a process that gave up rights
(ptrace(2)).
"""

from __future__ import annotations

import importlib
import math
import os
import signal
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, TypeVar

from teleclaude import errors
from teleclaude.config.folders import opened_folder
from teleclaude.errors import SourceError, TeleClaudeError
from teleclaude.migration.source import unprivileged
from teleclaude.migration.source.channel import Channel, receive, send
from teleclaude.migration.source.installation import Account
from teleclaude.migration.source.problems import NO_ANSWER, PRIVSEP_BUG, RIGHTS_REFUSED, SAID, WRONG_ANSWER
from teleclaude.migration.source.stoppable import go_on

_T = TypeVar("_T")
_MAX_DESCRIPTORS = 1 << 16
ANSWER_SECONDS = 60.0
"""How long an answer may take: a file system that the user provides may never give one, and the user may stop the
process. After that the process is killed."""

_END_SECONDS = 1.0
"""How long a killed process may take to end."""


class Privsep:
    """Calls functions in the unprivileged process; without one, in this process."""

    def __init__(self, channel: socket.socket | None = None, process: int = 0, uid: int = 0) -> None:
        self._channel = channel
        self._process = process
        self._uid = uid
        self._number = 0

    def call(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Return the result of a function of a module; arguments and result are JSON. Raises what it raises."""
        go_on()
        if not self._process:
            return function(*arguments)
        result, _ = self._ask(function, arguments, opens=False)
        return result  # type: ignore[no-any-return]

    def open(self, function: Callable[..., int], *arguments: object) -> int:
        """Return the descriptor that a function of a module opens. Raises what it raises."""
        go_on()
        if not self._process:
            return function(*arguments)
        _, descriptor = self._ask(function, arguments, opens=True)
        return descriptor

    def _ask(self, function: Callable[..., object], arguments: tuple[object, ...], *, opens: bool) -> tuple[Any, int]:
        self._number += 1
        order = {"module": function.__module__, "name": function.__name__, "arguments": arguments, "opens": opens}
        subject = next((argument for argument in arguments if isinstance(argument, str)), "a file")
        answer, descriptors = self._exchange({**order, "number": self._number}, subject)
        _raise_error(answer)
        if len(descriptors) != int(opens):
            raise SourceError(WRONG_ANSWER.fill(subject=subject))
        return answer.get("result"), descriptors[0] if descriptors else -1

    def _exchange(self, order: dict[str, Any], subject: str) -> tuple[dict[str, Any], list[int]]:
        """Return the answer to an order; without it in time the process is killed, and never asked again."""
        if self._channel is None:
            raise SourceError(NO_ANSWER.fill(subject=subject))
        channel = Channel(self._channel, time.monotonic() + ANSWER_SECONDS)
        try:
            send(channel, order)
            answer, descriptors = receive(channel)
        except (OSError, EOFError) as error:
            self.close()
            # It takes the rights before the first answer, and ends where it cannot.
            refused = self._number == 1 and not isinstance(error, TimeoutError)
            problem = RIGHTS_REFUSED.fill(uid=self._uid) if refused else NO_ANSWER.fill(subject=subject)
            raise SourceError(problem) from None
        except BaseException:
            # The answer would be taken for that to the next question.
            self.close()
            raise
        if answer.get("number") != order["number"]:
            self.close()
            raise SourceError(WRONG_ANSWER.fill(subject=subject))
        return answer, descriptors

    def close(self) -> None:
        """Kill the unprivileged process, which may be stopped or wait for a file system, and wait for its end."""
        if self._channel is None:
            return
        self._channel.close()
        self._channel = None
        for account in [account for account, each in _privseps.items() if each is self]:
            del _privseps[account]
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        until = time.monotonic() + _END_SECONDS
        with suppress(ChildProcessError):
            # Inside a call of the system that cannot be interrupted, even a killed process stays.
            while os.waitpid(self._process, os.WNOHANG) == (0, 0) and time.monotonic() < until:
                time.sleep(0.005)


_privseps: dict[Account, Privsep] = {}


def privsep_for(account: Account | None) -> Privsep:
    """Return the unprivileged process of an account, forked at the first call; None keeps the rights of this process.

    Where it cannot take the rights, its first answer raises SourceError.
    """
    if account is None:
        return Privsep()
    if account not in _privseps:
        _privseps[account] = _fork(account)
    return _privseps[account]


@contextmanager
def closing_privseps() -> Iterator[None]:
    """End every unprivileged process at the end of the run."""
    try:
        yield
    finally:
        while _privseps:
            next(iter(_privseps.values())).close()


def _fork(account: Account) -> Privsep:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with warnings.catch_warnings():
        # Python 3.12 warns where a thread runs, such as that of a progress bar; the child takes none of its locks.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        try:
            _serve(theirs.detach(), account)
        finally:
            # The child never returns into the program.
            os._exit(0)
    theirs.close()
    return Privsep(ours, process, account.uid)


def _serve(descriptor: int, account: Account) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The process ends when root's end of the socket is closed; the rollback needs it until then.
        signal.signal(number, signal.SIG_IGN)
    _close_others(descriptor)
    unprivileged.TRUSTED.add(account.uid)
    for path in account.top_folders:
        with opened_folder(path) as folder:
            if os.fstat(folder).st_uid != account.uid:
                return
            unprivileged.TOP_FOLDERS[path] = os.dup(folder)
    _drop_rights(account)
    with socket.socket(fileno=descriptor) as served, suppress(EOFError, OSError):
        channel = Channel(served, math.inf)
        while True:
            order, _ = receive(channel)
            answer, opened = _answer(order)
            send(channel, {**answer, "number": order["number"]}, opened)


def _close_others(descriptor: int) -> None:
    os.closerange(0, descriptor)
    os.closerange(descriptor + 1, min(os.sysconf("SC_OPEN_MAX"), _MAX_DESCRIPTORS))
    with suppress(OSError):
        for _ in ("stdin", "stdout", "stderr"):
            os.open(os.devnull, os.O_RDWR)


def _drop_rights(account: Account) -> None:
    os.chdir("/")
    os.umask(0o077)
    os.setgroups(account.groups[: os.sysconf("SC_NGROUPS_MAX")])
    os.setgid(account.gid)
    os.setuid(account.uid)
    try:
        os.setuid(0)
    except PermissionError:
        return
    os._exit(1)


def _answer(order: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    try:
        result = getattr(importlib.import_module(order["module"]), order["name"])(*order["arguments"])
    except TeleClaudeError as error:
        return {"raised": type(error).__name__, **asdict(error.problem)}, None
    except OSError as error:
        return {"errno": error.errno, "strerror": error.strerror, "filename": error.filename}, None
    except Exception as error:
        return {"raised": "SourceError", **asdict(PRIVSEP_BUG.fill(kind=type(error).__name__))}, None
    return ({}, result) if order["opens"] else ({"result": result}, None)


def _raise_error(answer: dict[str, Any]) -> None:
    if "errno" in answer:
        raise OSError(answer["errno"], answer["strerror"], answer["filename"])
    if "raised" in answer:
        kind = getattr(errors, answer["raised"])
        assert issubclass(kind, TeleClaudeError)
        raise kind(SAID.fill(message=answer["message"], hint=answer["hint"]))
