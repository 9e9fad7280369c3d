"""Keeps one PostgreSQL server for as long as whoever started it lives: `python -m teleclaude.demo.keeper …`.

It makes a cluster in the folder that it is given, runs the server and waits for the end of its standard input. A parent
that ends, however it ends, closes that pipe; then the server is stopped and the folder removed. Nothing is left behind
even by SIGKILL.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

_STOP_SECONDS = 10


def main() -> int:
    """Run the server until standard input ends; print why it could not be run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--user", type=int)
    parser.add_argument("--durable", action="store_true")
    asked = parser.parse_args()
    # Ctrl-C goes to everybody on the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keeper = _Keeper(asked.folder, asked.user)
    threading.Thread(target=keeper.stop_at_end_of_input, daemon=True).start()
    try:
        return keeper.run(initdb(asked.binaries, asked.folder)) or keeper.run(
            postgres(asked.binaries, asked.folder, durable=asked.durable)
        )
    finally:
        shutil.rmtree(asked.folder, ignore_errors=True)


def initdb(binaries: Path, folder: Path) -> list[str]:
    """Return the command that makes the cluster; the password of its role lies in the folder."""
    command = [binaries / "initdb", "--pgdata", folder / "data", "--username", "teleclaude"]
    command += ["--pwfile", folder / "password", "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"]
    return [str(part) for part in (*command, "--no-sync")]


def postgres(binaries: Path, folder: Path, *, durable: bool) -> list[str]:
    """Return the command that runs the server, reachable through a socket in the folder alone."""
    # A server that lives for minutes needs no disk to survive a power loss.
    fsync = "on" if durable else "off"
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": fsync}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries / "postgres"), "-D", str(folder / "data"), *options]


class _Keeper:
    """Runs one command after the other, as a user, until standard input ends."""

    def __init__(self, folder: Path, user: int | None) -> None:
        self.folder = folder
        self.user = user
        self.ended = threading.Event()
        self.running: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str]) -> int:
        """Run a command to its end and return its exit code; its last words go to standard output."""
        if self.ended.is_set():
            return 1
        with (self.folder / "server.log").open("w+b") as log:
            self.running = subprocess.Popen(  # noqa: S603 - made of our own parent's words
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self.user, cwd=self.folder
            )
            code = self.running.wait()
            log.seek(0)
            if code != 0:
                sys.stdout.buffer.write(log.read())
        return code

    def stop_at_end_of_input(self) -> None:
        """Wait for the parent's end, then stop what runs: first politely, in the end for sure."""
        # Not through sys.stdin, whose lock would still be held when the program ends.
        os.read(0, 1)
        self.ended.set()
        while self.running is None:
            time.sleep(0.01)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.running.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.running.wait(_STOP_SECONDS)
                break


if __name__ == "__main__":
    sys.exit(main())
