"""A signal ends every command with 130 and one line, whenever it comes; what is done stays done."""

import asyncio
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from teleclaude import interrupt
from teleclaude.cli.interruptible import run_interruptible
from teleclaude.errors import Exit

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ONE_LINE = (Exit.INTERRUPTED, "", "teleclaude: interrupted\n")


def run_and_signal(program: str, number: signal.Signals) -> tuple[int, str, str]:
    """Run a program that says `ready` when the signal may come; return its exit code and what else it says."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        stdout, stderr = process.stdout.read(), process.stderr.read()
    return process.returncode, stdout, stderr


def test_the_entry_imports_nothing_that_takes_time_before_ctrl_c_is_heard() -> None:
    program = "import sys; before = set(sys.modules); import teleclaude.__main__; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"teleclaude", "teleclaude.__main__", "teleclaude.interrupt", "__future__"}


def test_the_command_that_is_installed_begins_with_the_entry() -> None:
    script = Path(sys.executable).with_name("teleclaude")
    assert "from teleclaude.__main__ import main" in script.read_text()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_the_imports_is_130_and_one_line(number: signal.Signals) -> None:
    program = """
        import sys, time
        class Slow:
            def find_spec(self, name, *rest):
                if name == "teleclaude.cli":
                    print("ready", flush=True)
                    time.sleep(30)
        sys.meta_path.insert(0, Slow())
        from teleclaude.__main__ import main
        main()
    """
    assert run_and_signal(program, number) == ONE_LINE


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_a_command_lets_it_clean_up_and_is_130_and_one_line(number: signal.Signals) -> None:
    program = """
        import os, sys, time
        from teleclaude.cli import main, completion
        def work(name):
            try:
                os.write(1, b"ready\\n")
                time.sleep(30)
            finally:
                print("cleaned up", flush=True)
        completion.get_completion_class = work
        sys.argv = ["teleclaude", "completion", "bash"]
        main()
    """
    assert run_and_signal(program, number) == (130, "cleaned up\n", ONE_LINE[2])


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    program = """
        import os, signal
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        from teleclaude import interrupt
        interrupt.end_at_once()
        interrupt.clean_up_first()
        print("ready", flush=True)
        signal.raise_signal(signal.SIGHUP)
        print("still here")
    """
    assert run_and_signal(program, signal.SIGHUP) == (0, "still here\n", "")


@pytest.mark.parametrize("number", SIGNALS)
def test_work_that_is_interrupted_is_cancelled_and_no_later_signal_cuts_its_end_off(number: signal.Signals) -> None:
    said = []

    async def work() -> None:
        try:
            signal.raise_signal(number)
            await asyncio.sleep(30)
        finally:
            signal.raise_signal(number)
            await asyncio.sleep(0)
            said.append("closed")

    with pytest.raises(interrupt.Interrupted):
        run_interruptible(work(), again=lambda: said.append("again"))
    assert said == ["again", "closed"]


def test_what_undoes_itself_says_what_became_of_it_whenever_the_signal_comes() -> None:
    async def work() -> str:
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            return "undone"
        return "done"

    assert run_interruptible(work(), undoes_itself=True) == "undone"
    assert all(signal.getsignal(number) is signal.SIG_IGN for number in SIGNALS)


def test_a_signal_at_any_time_is_130_and_one_line(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    entry = "from teleclaude.__main__ import interrupt, main; interrupt.end_at_once()"
    program = f"import pathlib; {entry}; pathlib.Path({str(ready)!r}).touch(); main()"
    for place, number in enumerate(SIGNALS):
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-c", program, "self-check", "--root", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            while not ready.exists():
                time.sleep(0.001)
            time.sleep(random.Random(place).uniform(0, 0.25))
            process.send_signal(number)
            _, stderr = process.communicate(timeout=30)
        assert (process.returncode, stderr) == (130, ONE_LINE[2])


def test_the_exit_code_is_130_even_where_nobody_can_be_told() -> None:
    program = "import os; from teleclaude import interrupt; os.close(2); interrupt.end()"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 130
