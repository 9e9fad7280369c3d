"""Runs one PostgreSQL server as long as its parent process lives: `python -m teleclaude.demo.keeper …`.

It makes a cluster in the given folder, runs the server and waits for the end of its standard input. The end of the
parent, also by SIGKILL, closes that pipe. Then the server is stopped and the folder is removed.
"""

from __future__ import annotations

import argparse
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_STOP_SECONDS = 10
_POLL_SECONDS = 0.02


def main() -> int:
    """Run the server until standard input ends; print the last words of a program that fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--user", type=int)
    parser.add_argument("--durable", action="store_true")
    asked = parser.parse_args()
    # Ctrl-C goes to every process of the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = _postgres(asked.binaries, asked.folder, durable=asked.durable)
    try:
        return _run(_initdb(asked.binaries, asked.folder), asked) or _run(server, asked)
    finally:
        shutil.rmtree(asked.folder, ignore_errors=True)


def _initdb(binaries: Path, folder: Path) -> list[str]:
    """Return the command that makes the cluster; the password of its role is in a file of the folder."""
    command = [binaries / "initdb", "--pgdata", folder / "data", "--username", "teleclaude"]
    command += ["--pwfile", folder / "password", "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"]
    return [str(part) for part in (*command, "--no-sync")]


def _postgres(binaries: Path, folder: Path, *, durable: bool) -> list[str]:
    """Return the command that runs the server, which listens on a socket in the folder alone."""
    # Its data need not survive a power loss.
    fsync = "on" if durable else "off"
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": fsync}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries / "postgres"), "-D", str(folder / "data"), *options]


def _run(command: list[str], asked: argparse.Namespace) -> int:
    """Run a command until it or standard input ends; return its exit code, with its last words on standard output."""
    with (asked.folder / "server.log").open("w+b") as log:
        running = subprocess.Popen(  # noqa: S603 - made of our own parent's words
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=asked.user, cwd=asked.folder
        )
        while running.poll() is None and not select.select([0], [], [], _POLL_SECONDS)[0]:
            pass
        # Fast shutdown, immediate shutdown, kill (PostgreSQL manual, "Shutting Down the Server").
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(subprocess.TimeoutExpired):
                running.send_signal(number)
                running.wait(_STOP_SECONDS)
                break
        log.seek(0)
        if running.wait() != 0:
            sys.stdout.buffer.write(log.read())
    return running.returncode


if __name__ == "__main__":
    sys.exit(main())
