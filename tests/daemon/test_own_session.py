import json
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.daemon.lease import Lease
from teleclaude.daemon.own_session import OwnSession, keeping_session
from teleclaude.db.engine import disposing, make_engine
from teleclaude.errors import LockHeldError


async def nothing() -> None:
    """Examine nothing."""


async def test_a_daemon_that_starts_anew_ends_the_session_that_the_network_lost(target: URL, tmp_path: Path) -> None:
    with keeping_session(target, tmp_path) as lost:
        pass
    async with disposing(make_engine(lost.url)) as before:
        dead = Lease(before, OwnSession(target, tmp_path / "session.json"), nothing)
        # The name is that of the engine.
        dead._own.name, dead._own.url = lost.name, lost.url
        await dead.take()
        with keeping_session(target, tmp_path) as own:
            async with disposing(make_engine(own.url)) as engine:
                lease = Lease(engine, own, nothing)
                await lease.take()
                await lease.confirm()
                await lease.release()
        await dead.release()


async def test_the_session_of_somebody_else_is_never_ended(target: URL, tmp_path: Path) -> None:
    others, own = OwnSession(target), OwnSession(target, tmp_path / "session.json")
    async with disposing(make_engine(others.url)) as before, disposing(make_engine(own.url)) as engine:
        holder = Lease(before, others, nothing)
        await holder.take()
        with pytest.raises(LockHeldError):
            await Lease(engine, own, nothing).take()
        await holder.confirm()
        await holder.release()


@pytest.mark.parametrize("other", [{"name": "teleclaude"}, {"begun": "2026-01-01 00:00:00+00"}])
async def test_a_process_number_that_was_given_to_another_session_ends_nothing(
    target: URL, tmp_path: Path, other: dict[str, str]
) -> None:
    path = tmp_path / "session.json"
    held = OwnSession(target, path)
    async with disposing(make_engine(held.url)) as before:
        holder = Lease(before, held, nothing)
        await holder.take()
        path.write_text(json.dumps(json.loads(path.read_text()) | other))
        own = OwnSession(target, path)
        async with disposing(make_engine(own.url)) as engine:
            with pytest.raises(LockHeldError):
                await Lease(engine, own, nothing).take()
        await holder.confirm()
        await holder.release()


async def test_the_session_of_a_living_daemon_is_never_ended(target: URL, tmp_path: Path) -> None:
    with keeping_session(target, tmp_path) as own:
        async with disposing(make_engine(own.url)) as engine:
            living = Lease(engine, own, nothing)
            await living.take()
            with keeping_session(target, tmp_path) as second, pytest.raises(LockHeldError):
                async with disposing(make_engine(second.url)) as other:
                    await Lease(other, second, nothing).take()
            await living.confirm()
            await living.release()


def test_a_daemon_without_a_folder_for_its_state_keeps_nothing(target: URL, tmp_path: Path) -> None:
    with keeping_session(target, tmp_path / "none") as own:
        assert own.url.query["application_name"] == own.name


@pytest.mark.parametrize("text", ["", "null", "[]", '{"pid": 1}', '{"pid": "1", "begun": "", "name": ""}', "\0"])
def test_a_file_that_is_damaged_names_no_session(target: URL, tmp_path: Path, text: str) -> None:
    (tmp_path / "session.json").write_text(text)
    assert OwnSession(target, tmp_path / "session.json")._last is None
