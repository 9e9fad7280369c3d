"""Keeps one PostgreSQL server for as long as whoever started it lives: `python -m teleclaude.demo.keeper …`.

It starts the server and waits for the end of its standard input. A parent that ends, however it ends, closes that pipe;
then the server is stopped and its folder removed. Nothing is left behind even by SIGKILL.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

STOP_SECONDS = 10


def main() -> int:
    """Run the server until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--user", type=int)
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    # Ctrl-C goes to everybody on the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with (asked.folder / "server.log").open("wb") as log:
            server = subprocess.Popen(  # noqa: S603 - the command is our own parent's
                asked.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=asked.user, cwd=asked.folder
            )
            threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
            return server.wait()
    finally:
        shutil.rmtree(asked.folder, ignore_errors=True)


def _stop_at_end_of_input(server: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
            break


if __name__ == "__main__":
    sys.exit(main())
