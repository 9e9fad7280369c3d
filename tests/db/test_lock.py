import os
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db.file_lock import hold_existing, hold_pid_file
from teleclaude.db.lock import hold_database, work_alone
from teleclaude.errors import LockHeldError


async def test_a_database_is_held_once(target_engine: AsyncEngine) -> None:
    async with hold_database(target_engine):
        with pytest.raises(LockHeldError):
            async with hold_database(target_engine):
                pass


async def test_a_database_is_free_again_afterwards(target_engine: AsyncEngine) -> None:
    async with hold_database(target_engine):
        pass
    async with hold_database(target_engine):
        pass


async def test_the_lock_goes_with_its_connection(target_engine: AsyncEngine) -> None:
    async with hold_database(target_engine), target_engine.connect() as other:
        end = (
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await other.exec_driver_sql(end)
        async with hold_database(target_engine):
            pass


def test_a_pid_file_holds_our_pid_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "teleclaude.pid"
    with hold_pid_file(path):
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(LockHeldError, match=str(path)), hold_pid_file(path):
            pass
    assert not path.exists()


def test_an_old_pid_file_is_held_without_a_change(tmp_path: Path) -> None:
    path = tmp_path / "teleclaude.pid"
    path.write_text("4711\n")
    with hold_existing(path), pytest.raises(LockHeldError), hold_existing(path):
        pass
    assert path.read_text() == "4711\n"


def test_no_pid_file_is_made_for_an_old_installation(tmp_path: Path) -> None:
    with hold_existing(tmp_path / "teleclaude.pid"):
        assert list(tmp_path.iterdir()) == []


async def test_a_transaction_whose_session_was_cut_still_keeps_others_out(target_engine: AsyncEngine) -> None:
    # The session that held the database is gone, and the transaction that it began goes on.
    async with target_engine.connect() as cut_off:
        await work_alone(cut_off)
        with pytest.raises(LockHeldError):
            async with hold_database(target_engine):
                pass
        await cut_off.rollback()
        async with hold_database(target_engine):
            pass
