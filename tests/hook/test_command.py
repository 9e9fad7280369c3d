"""The command as agents run it: a process of its own, against a daemon that answers as it likes, and against none."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from teleclaude.agents import EVENTS
from teleclaude.cli.hook import hook
from teleclaude.hook.ask import SOCKET
from teleclaude.hook.command import read_words
from teleclaude.layout import make_layout
from teleclaude.platform.names import HERE

QUIET = (0, b"", b"")
CLAUDE = ("--agent", "claude")
NATIVE = {"session_id": "n"}


@pytest.fixture
def root() -> Iterator[Path]:
    """Make a short folder, because the path of a socket may not be long."""
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        yield Path(folder)


def waiting(root: Path) -> int:
    return len(list((root / "state/teleclaude/hooks").glob("*.json")))


def run_hook(root: Path, *words: str, given: Any = None) -> tuple[int, bytes, bytes]:
    """Run the command with a payload on stdin."""
    environ = {name: value for name, value in os.environ.items() if name != "TMUX"}
    done = subprocess.run(
        [sys.executable, "-m", "teleclaude", "hook", "--root", root, *words],
        input=b"" if given is None else json.dumps(given).encode(),
        env={**environ, "XDG_STATE_HOME": str(root / "state")},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def listening(root: Path, *answers: bytes, kill: int = 0) -> Iterator[None]:
    """Answer in a process of its own to as many requests; then kill who calls, or keep the connection open."""
    path = root / SOCKET
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        process = os.fork()
        if process == 0:
            for answer in answers:
                connection, _ = server.accept()
                connection.recv(2**20)
                connection.sendall(answer)
                connection.close()
            connection, _ = server.accept()
            if kill:
                caller, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                os.kill(caller, kill)
            signal.pause()
        try:
            yield
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            path.unlink()


def answer(status: int, body: Any) -> bytes:
    said = json.dumps(body).encode()
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(said), said)


def test_the_socket_is_that_of_the_layout() -> None:
    assert Path("/", SOCKET) == make_layout(HERE).socket


def test_what_help_says_is_what_the_command_takes() -> None:
    agents: Any = next(option.type for option in hook.params if option.name == "agent")
    assert list(agents.choices) == list(EVENTS)
    for option in hook.params:
        for flag in option.opts if option.param_type_name == "option" else ():
            assert flag in read_words([flag, "value"])[0]
    with pytest.raises(ValueError, match="--agnet is not an option"):
        read_words(["--agnet", "claude"])


@pytest.mark.parametrize(
    ("agent", "printed"),
    [
        ("claude", {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "# Größe"}}),
        ("gemini", {"hookSpecificOutput": {"additionalContext": "# Größe"}}),
    ],
)
def test_an_agent_that_begins_is_told_what_is_known_of_its_project(root: Path, agent: str, printed: Any) -> None:
    with listening(root, answer(202, {"id": 1}), answer(200, "# Größe")):
        code, out, err = run_hook(root, "--agent", agent, "--cwd", "/a b/ü", "session_start", given=NATIVE)
    assert (code, json.loads(out), err) == (0, printed, b"")


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ((*CLAUDE, "session_start"), NATIVE),
        (("--agent", "codex", '{"type": "agent-turn-complete", "thread-id": "n"}'), None),
    ],
)
@pytest.mark.parametrize("answers", [[], [b"no HTTP"], [answer(500, {})], [answer(202, {})[:-1]]])
def test_what_no_daemon_takes_waits_and_the_agent_is_told_nothing(
    root: Path, words: tuple[str, ...], given: Any, answers: list[bytes]
) -> None:
    with listening(root, *answers):
        assert run_hook(root, *words, given=given) == QUIET
    assert waiting(root) == 1


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ((), {}),
        (("--agent", "unheard-of", "tool_use"), NATIVE),
        ((*CLAUDE, "--unheard-of"), NATIVE),
        ((*CLAUDE, "Notification"), NATIVE),
        ((*CLAUDE, "tool_use"), [1]),
        (("--agent", "codex", "no JSON"), None),
        (("--agent", "codex"), None),
    ],
)
def test_whatever_it_is_given_the_agent_goes_on(root: Path, words: tuple[str, ...], given: Any) -> None:
    assert run_hook(root, *words, given=given) == QUIET
    assert waiting(root) == 0


def test_a_spool_that_cannot_be_written_fails_no_agent(root: Path) -> None:
    (root / "state").write_text("no folder")
    assert run_hook(root, *CLAUDE, "tool_use", given=NATIVE) == QUIET
    with listening(root, answer(202, {"id": 1}), answer(200, "known")):
        assert b"known" in run_hook(root, *CLAUDE, "session_start", given=NATIVE)[1]


def test_an_event_that_is_refused_for_good_does_not_wait(root: Path) -> None:
    with listening(root, answer(403, {"error": "x", "hint": "y"})):
        assert run_hook(root, *CLAUDE, "tool_use", given=NATIVE) == QUIET
    assert waiting(root) == 0
    said = b"0 events sent, 0 waiting\nso far 0 events dropped for room, 1 refused by the daemon\n"
    assert run_hook(root, "--flush") == (0, said, b"")


def test_a_flush_says_what_still_waits(root: Path) -> None:
    run_hook(root, *CLAUDE, "tool_use", given=NATIVE)
    code, out, err = run_hook(root, "--flush")
    assert (code, out.splitlines()[0]) == (3, b"0 events sent, 1 waiting")
    assert err.startswith(b"teleclaude: 1 event waits in ")


@pytest.mark.skipif(sys.platform == "darwin", reason="the peer of a socket is asked for as Linux does")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_the_daemon_is_asked_loses_no_event(root: Path, number: int) -> None:
    with listening(root, kill=number):
        assert run_hook(root, *CLAUDE, "tool_use", given=NATIVE) == QUIET
    assert waiting(root) == 1


def test_a_hook_imports_nothing_that_takes_long() -> None:
    script = "import sys, teleclaude.hook.command; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", script], text=True).split())
    known = {name for name in sys.modules if name.startswith("teleclaude.") and "hook" not in name}
    assert loaded & known == {"teleclaude.agents", "teleclaude.interrupt"}
    assert not loaded & {"click", "dataclasses", "datetime", "http.client", "pathlib", "typing", "uuid"}


def test_a_hook_is_quick_and_small(root: Path) -> None:
    words = [sys.executable, "-m", "teleclaude", "hook", "--root", str(root), *CLAUDE, "tool_use"]
    # From a small process: what a large one starts counts as large.
    script = f"import resource, subprocess\nsubprocess.run({words!r}, input=b'{json.dumps(NATIVE)}')\n"
    script += "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    script += "print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
    environ = {**os.environ, "XDG_STATE_HOME": str(root / "state")}
    seconds, sizes = [], []
    for _ in range(5):
        said = subprocess.check_output([sys.executable, "-I", "-S", "-c", script], env=environ, text=True).split()
        seconds.append(float(said[0]))
        sizes.append(int(said[1]) // (1024 if sys.platform == "darwin" else 1))
    # Of the processor, because the clock says more of what else runs here.
    assert min(seconds) < 0.1
    assert max(sizes) < 30 * 1024
