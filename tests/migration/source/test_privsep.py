"""The unprivileged process: it has the owner's rights and no others, and what it raises arrives."""

import asyncio
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.discover.configuration import copy_config
from teleclaude.migration.source import privsep as privsep_module
from teleclaude.migration.source.files import copy_file
from teleclaude.migration.source.installation import Account, Places
from teleclaude.migration.source.privsep import Privsep, closing_privseps, privsep_for
from teleclaude.migration.source.stoppable import STOP_SECONDS, in_thread
from teleclaude.migration.source.unprivileged import list_names, list_tree, open_regular

USER = 12345
PLANTED = "planted-for-root-alone"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")


@as_root
def test_the_unprivileged_process_cannot_become_root_again_and_ends_with_the_run(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PLANTED)
    secret.chmod(0o600)
    with closing_privseps():
        privsep = privsep_for(Account(USER, USER, (), ()))
        process = privsep.call(os.getpid)
        assert process != os.getpid()
        assert (privsep.call(os.geteuid), privsep.call(os.getgid), privsep.call(os.getgroups)) == (USER, USER, [])
        for number in (os.setuid, os.setgid):
            with pytest.raises(PermissionError):
                privsep.call(number, 0)
        with pytest.raises(SourceError, match=f"rights of uid {USER}"):
            privsep.open(open_regular, str(secret), False)
        assert privsep.call(os.listdir, "/dev/fd")[:3] == ["0", "1", "2"]
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@as_root
def test_an_unprivileged_process_that_was_killed_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    with closing_privseps():
        privsep = privsep_for(Account(USER, USER, (), ()))
        os.kill(privsep.call(os.getpid), 9)
        with pytest.raises(SourceError, match="does not answer"):
            privsep.call(list_tree, str(tmp_path))


@as_root
def test_a_process_that_its_owner_stopped_is_killed_at_the_deadline_and_never_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privsep_module, "ANSWER_SECONDS", 0.3)
    with closing_privseps():
        privsep = privsep_for(Account(USER, USER, (), ()))
        process = privsep.call(os.getpid)
        os.kill(process, signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(SourceError, match="does not answer"):
                privsep.call(list_tree, str(tmp_path))
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@as_root
async def test_an_interrupt_does_not_wait_for_a_process_that_its_owner_stopped(tmp_path: Path) -> None:
    with closing_privseps():
        privsep = privsep_for(Account(USER, USER, (), ()))
        os.kill(privsep.call(os.getpid), signal.SIGSTOP)
        task = asyncio.create_task(in_thread(privsep.call, list_tree, str(tmp_path)))
        await asyncio.sleep(0.3)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=2)
        assert done
        assert task.cancelled()


@pytest.mark.parametrize("kind", ["a copy of terabytes", "49,000 people"])
async def test_an_interrupt_ends_long_work_at_once(tmp_path: Path, kind: str) -> None:
    endless = tmp_path / "endless"
    with endless.open("wb") as file:
        file.truncate(1 << 42)
    names = [f"nobody-{number}" for number in range(49_000)]
    works: dict[str, tuple[Callable[..., object], tuple[Any, ...]]] = {
        "a copy of terabytes": (copy_file, (Privsep(), endless, tmp_path / "copy", None)),
        "49,000 people": (copy_config, (Privsep(), Places(tmp_path, tmp_path), names, tmp_path)),
    }
    work, arguments = works[kind]
    task = asyncio.create_task(in_thread(work, *arguments))
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    # Work that had to be left behind would take longer.
    done, _ = await asyncio.wait([task], timeout=STOP_SECONDS * 0.9)
    assert done
    assert task.cancelled()


def test_without_an_account_functions_run_in_this_process() -> None:
    assert privsep_for(None).call(os.getpid) == os.getpid()


@as_root
def test_one_account_has_one_process() -> None:
    with closing_privseps():
        first, second = (privsep_for(Account(USER, USER, (), ())) for _ in range(2))
        assert first.call(os.getpid) == second.call(os.getpid)


@as_root
def test_what_a_function_raises_arrives_with_its_sentence_and_remedy(tmp_path: Path) -> None:
    fifo = tmp_path / "two words"
    os.mkfifo(fifo)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        # The last of them may be /tmp, which keeps its other bits.
        parent.chmod(stat.S_IMODE(parent.stat().st_mode) | 0o055)
    with closing_privseps():
        for privsep in (Privsep(), privsep_for(Account(USER, USER, (), ()))):
            with pytest.raises(SourceError) as raised:
                privsep.open(open_regular, str(fifo), False)
            assert raised.value.problem.message == f"{fifo} is not a regular file"
            assert raised.value.problem.hint == "put a regular file there, or move it away"
            with pytest.raises(NotADirectoryError, match="two words"):
                privsep.call(list_names, str(fifo))


@as_root
def test_a_bug_arrives_as_a_sentence_and_the_process_goes_on() -> None:
    with closing_privseps():
        privsep = privsep_for(Account(USER, USER, (), ()))
        with pytest.raises(SourceError, match="a bug in the unprivileged process: TypeError"):
            privsep.call(list_names)
        assert privsep.call(os.geteuid) == USER


@as_root
def test_a_top_folder_that_another_user_owns_ends_the_process(tmp_path: Path) -> None:
    with closing_privseps(), pytest.raises(SourceError, match=f"cannot take the rights of uid {USER}"):
        privsep_for(Account(USER, USER, (), (tmp_path,))).call(os.geteuid)


@as_root
def test_a_file_opens_below_a_folder_of_roots_that_its_owner_cannot_enter(tmp_path: Path) -> None:
    closed, home = tmp_path / "closed", tmp_path / "closed/home"
    home.mkdir(parents=True)
    (home / "file").write_text("theirs")
    for path in (home, home / "file"):
        os.chown(path, USER, USER)
    closed.chmod(0o700)
    with closing_privseps():
        descriptor = privsep_for(Account(USER, USER, (), (home,))).open(open_regular, str(home / "file"), True)
        with os.fdopen(descriptor) as file:
            assert file.read() == "theirs"
