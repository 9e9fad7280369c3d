"""The command as a process of its own, and the flags that ask for what options ask for."""

import os
import pty
import subprocess
import sys
from contextlib import suppress

from teleclaude.migration.source.options import Options


def teleclaude(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process without a terminal."""
    command = [sys.executable, "-m", "teleclaude", *arguments]
    environment = {**os.environ, **environ}
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def to_arguments(options: Options) -> list[str]:
    flags = {
        "--source": options.source,
        "--home": options.home,
        "--target": options.target,
        "--root": options.root,
        "--person": options.person,
        "--uid": options.uid,
    }
    return [part for flag, value in flags.items() for part in (flag, str(value))]


def on_a_terminal(*arguments: str, **environ: str) -> str:
    """Return what a command writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "teleclaude", *arguments],
        env={**os.environ, "TERM": "xterm-256color", **environ},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        said = b""
        # Linux answers EIO when the last writer has gone.
        with suppress(OSError):
            while more := os.read(ours, 65536):
                said += more
    os.close(ours)
    return said.decode()
