"""The command as a process of its own, and the flags that ask for what options ask for."""

import multiprocessing
import os
import pty
import runpy
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.util import get_temp_dir
from pathlib import Path

from teleclaude.migration.source.options import Options

# Its folder for sockets is made now: later, a test may let TMPDIR be a folder that goes with the test.
get_temp_dir()
_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(["teleclaude.cli.migrate_to_system", "teleclaude.cli.self_check"])


def teleclaude(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process without a terminal, forked from one that has done the long imports."""
    with tempfile.NamedTemporaryFile() as stdout, tempfile.NamedTemporaryFile() as stderr:
        given = (arguments, {**os.environ, **environ}, str(Path.cwd()), (os.devnull, stdout.name, stderr.name))
        process = _WARM.Process(target=_become, args=given)
        process.start()
        process.join()
        assert process.exitcode is not None
        said = (Path(file.name).read_text(errors="replace") for file in (stdout, stderr))
        return subprocess.CompletedProcess(arguments, process.exitcode, *said)


def _become(arguments: tuple[str, ...], environ: dict[str, str], folder: str, files: tuple[str, ...]) -> None:
    """Do in the forked process what `python -m teleclaude` does in one of its own."""
    for number, path in enumerate(files):
        os.close(number)
        # The lowest free number is the one that was closed.
        assert os.open(path, os.O_RDWR) == number
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["teleclaude", *arguments]
    # As the interpreter starts with them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runpy.run_module("teleclaude", run_name="__main__", alter_sys=True)


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
