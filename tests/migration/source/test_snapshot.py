"""The snapshot of a database holds what its WAL or hot journal holds, and later changes are noticed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.source.installation import SourceDatabase
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.snapshot import check_unchanged, copy_database

OURS = Privsep()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Hold a database open whose one row is in the WAL alone."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        yield connection


def snapshot(path: Path) -> SourceDatabase:
    made = copy_database(OURS, path.resolve(), path.parent / "private")
    return SourceDatabase(path, made.uid, "", made.copy, made.files, (), (), copies=made.copies)


def test_the_copy_holds_the_rows_of_the_wal_and_the_original_stays(writer: sqlite3.Connection, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm")}
    found = snapshot(tmp_path / "old.db")
    with closing(sqlite3.connect(found.copy)) as copy:
        assert copy.execute("SELECT a FROM t").fetchall() == [(1,)]
    assert [file.path.name for file in found.files] == ["old.db", "old.db-wal"]
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_transaction_that_was_cut_off_is_rolled_back_in_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN")
        database.execute("UPDATE t SET a = 2")
        database.execute(
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
            "INSERT INTO t SELECT i FROM n"
        )
        found = snapshot(path)
        database.execute("ROLLBACK")
    assert [file.path.name for file in found.files] == ["old.db", "old.db-journal"]
    assert {path.name for path in found.copies} == {"teleclaude.db"}
    with closing(sqlite3.connect(found.copy)) as copy:
        assert copy.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_an_unchanged_database_passes(writer: sqlite3.Connection, tmp_path: Path) -> None:
    assert writer.in_transaction is False
    check_unchanged(OURS, (snapshot(tmp_path / "old.db"),))


def test_a_later_write_is_noticed(writer: sqlite3.Connection, tmp_path: Path) -> None:
    found = snapshot(tmp_path / "old.db")
    writer.execute("INSERT INTO t VALUES (2)")
    writer.commit()
    with pytest.raises(SourceError, match="-wal changed during the migration"):
        check_unchanged(OURS, (found,))


@pytest.mark.parametrize("name", ["teleclaude.db", "teleclaude.db-wal"])
def test_a_copy_that_was_changed_or_swapped_for_a_link_is_noticed(
    writer: sqlite3.Connection, tmp_path: Path, name: str
) -> None:
    assert writer.in_transaction is False
    found = snapshot(tmp_path / "old.db")
    copy = found.copy.with_name(name)
    copy.rename(tmp_path / "aside")
    copy.symlink_to(tmp_path / "aside")
    with pytest.raises(SourceError, match=r"."):
        check_unchanged(OURS, (found,))
    copy.unlink()
    copy.write_bytes((tmp_path / "aside").read_bytes() + b"x")
    with pytest.raises(SourceError, match=f"{copy} is no longer the private copy"):
        check_unchanged(OURS, (found,))


def test_a_new_wal_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    sqlite3.connect(path).executescript("CREATE TABLE t (a)").connection.close()
    found = snapshot(path)
    Path(f"{path}-wal").write_bytes(b"x")
    with pytest.raises(SourceError, match="-wal changed during the migration"):
        check_unchanged(OURS, (found,))


def test_a_disk_without_room_for_the_copy_is_refused(
    writer: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert writer.total_changes == 1
    usage = psutil.disk_usage(str(tmp_path))._replace(free=1000)
    monkeypatch.setattr(psutil, "disk_usage", lambda _path: usage)
    with pytest.raises(SourceError, match="has 0 MB free"):
        snapshot(tmp_path / "old.db")
    assert not list((tmp_path / "private").iterdir())
