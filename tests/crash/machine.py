"""A machine on which migrations are cut off: a server that can be stopped and started, a network, a process."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import URL

from teleclaude.demo.postgres import _reachable, _unprivileged_user, _write_password, find_binaries
from tests.support.command import teleclaude
from tests.support.sample import as_on_a_terminal

WRAPPER = Path(__file__).parents[2] / "bin" / "migrate-to-system.sh"
DONE_SECONDS = 120


@dataclass
class Server:
    """A PostgreSQL of our own, which can be stopped as a power loss would, and started again."""

    folder: Path
    binaries: Path
    user: int | None
    password: str

    @property
    def url(self) -> URL:
        """Where it answers."""
        query = {"host": str(self.folder)}
        return URL.create("postgresql+asyncpg", "teleclaude", self.password, database="postgres", query=query)

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c max_connections=20"
        self._control("start", "-w", "-o", settings, "-l", str(self.folder / "log"))

    def stop(self, mode: str = "immediate") -> None:
        """Stop; `immediate` is what a crash is to the data: the next start recovers (PostgreSQL manual, pg_ctl)."""
        self._control("stop", "-m", mode)

    def is_running(self) -> bool:
        """Whether the server runs."""
        return self._control("status", check=False) == 0

    def _control(self, *words: str, check: bool = True) -> int:
        command = [str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), *words]
        done = subprocess.run(
            command, user=self.user, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=check
        )
        return done.returncode


@contextmanager
def own_server(folder: Path | None = None) -> Iterator[Server]:
    """Make a cluster and run it; fsync is off, for a server that is stopped loses nothing that the kernel has."""
    binaries, _ = find_binaries(os.environ)
    place = Path(tempfile.mkdtemp(prefix="teleclaude-crash-", dir=folder or "/tmp"))
    user = _unprivileged_user()
    if user is not None:
        os.chown(place, user, -1)
    server = Server(place, _reachable(binaries, place, user), user, secrets.token_urlsafe(12))
    try:
        _write_password(place / "password", server.password, user)
        words = [
            "--username",
            "teleclaude",
            "--pwfile",
            str(place / "password"),
            "--auth",
            "scram-sha-256",
            "--no-sync",
        ]
        words += ["--encoding", "UTF8", "--no-locale", "--wal-segsize", "1"]
        command = [str(server.binaries / "initdb"), "--pgdata", str(place / "data"), *words]
        subprocess.run(command, user=user, cwd=place, stdout=subprocess.DEVNULL, check=True)
        with (place / "data" / "postgresql.conf").open("a") as settings:
            settings.write("fsync = off\nmax_wal_size = 8MB\nmin_wal_size = 2MB\nshared_buffers = 16MB\n")
        server.start()
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):
            server.stop()
        shutil.rmtree(place, ignore_errors=True)


class Proxy:
    """A network between the migration and the server: it can be cut, at once or at the reply to COMMIT."""

    def __init__(self, server: Server) -> None:
        self.upstream = server.folder / ".s.PGSQL.5432"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lose_commit = False
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut every connection."""
        for pair in self.pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()

    def close(self) -> None:
        """End."""
        self.cut()
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(str(self.upstream))
                except OSError:
                    client.close()
                    server.close()
                    continue
                self.pairs.append((client, server))
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, sink, source is server), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, from_server: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                # CommandComplete of a COMMIT (PostgreSQL manual, Message Formats): done, and nobody hears of it.
                if from_server and self.lose_commit and b"C\x00\x00\x00\x0bCOMMIT\x00" in data:
                    self.lose_commit = False
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # The other direction closes the other end.
        source.close()


@dataclass
class Migration:
    """A migration as a process of its own."""

    process: subprocess.Popen[str]
    state: Path
    earlier: frozenset[Path]
    said: str = ""
    code: int | None = None

    @property
    def journal(self) -> Path | None:
        """The journal of this run, None before there is one."""
        with suppress(OSError):
            return next(iter(set(self.state.glob("*/journal.jsonl")) - self.earlier), None)
        return None

    def events(self) -> list[tuple[str, str]]:
        """Return what the journal says so far: event and step."""
        found = []
        journal = self.journal
        for line in journal.read_text().splitlines() if journal else ():
            with suppress(ValueError):
                entry = json.loads(line)
                found.append((entry["event"], entry.get("step") or ""))
        return found

    def reached(self, moment: tuple[str, str]) -> bool:
        """Wait until the journal says so; False where the migration ended before."""
        while self.process.poll() is None:
            if moment in self.events():
                return True
            time.sleep(0.002)
        return moment in self.events()

    def freeze(self) -> None:
        """Stop the process where it is, and its children."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it as a power loss would, with its children."""
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: signal.Signals) -> None:
        if self.process.poll() is not None:
            return
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.process.pid)
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)

    def wait(self, seconds: float = DONE_SECONDS) -> int:
        """Wait for its end and return its exit code."""
        self.said += self.process.communicate(timeout=seconds)[0]
        self.code = self.process.returncode
        return self.code


@dataclass(frozen=True)
class Ended:
    """A migration that ran to its end, and what it said."""

    code: int
    said: str


_SHORT_RETRY = """
import sys
from teleclaude.cli import main
from teleclaude.db import retry
retry.RETRY_SECONDS = float(sys.argv.pop(1))
main()
"""


@dataclass
class Job:
    """The command line of a migration, and where it runs."""

    arguments: list[str]
    state: Path
    environ: dict[str, str] = field(default_factory=dict)
    wrapped: bool = False
    retry_seconds: float | None = None
    """How long it waits for a server that has gone, in seconds; None leaves that as it is."""
    prepare: Callable[[], None] = as_on_a_terminal

    def begin(self, *more: str) -> Migration:
        """Start it."""
        earlier = frozenset(self.state.glob("*/journal.jsonl"))
        process = subprocess.Popen(
            [*self._program(), *self.arguments, *more],
            env={**os.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=self.prepare,
        )
        return Migration(process, self.state, earlier)

    def _program(self) -> list[str]:
        if self.wrapped:
            return ["sh", str(WRAPPER)]
        program = ["-m", "teleclaude"] if self.retry_seconds is None else ["-c", _SHORT_RETRY, str(self.retry_seconds)]
        return [sys.executable, *program, "migrate-to-system"]

    def run(self, *more: str) -> Ended:
        """Run it to its end; nothing strikes it, so it may be forked from a process that has done the long imports."""
        if not self.wrapped and self.retry_seconds is None:
            done = teleclaude("migrate-to-system", *self.arguments, *more, **self.environ)
            return Ended(done.returncode, done.stdout + done.stderr)
        migration = self.begin(*more)
        return Ended(migration.wait(), migration.said)
