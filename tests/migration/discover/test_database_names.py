"""A database is one file under every name: what SQLite keeps beside the real one is read, watched, or refused."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.discover.configuration import copy_config
from teleclaude.migration.discover.database import find_database, find_events
from teleclaude.migration.discover.installation import list_files
from teleclaude.migration.discover.processes import find_processes
from teleclaude.migration.source.installation import Places, SourceDatabase
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.snapshot import check_unchanged

OURS = Privsep()

CRASH = {
    "-wal": "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; INSERT INTO sessions VALUES ('in the WAL')",
    "-journal": "PRAGMA journal_mode = delete; PRAGMA cache_size = 1; BEGIN;"
    "UPDATE sessions SET session_id = 'half done';"
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
    "INSERT INTO sessions SELECT hex(randomblob(50)) FROM n",
}
"""What a writer does before it is killed, by the file that it leaves."""


def make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE sessions (session_id TEXT PRIMARY KEY); INSERT INTO sessions VALUES ('s')")


def crash(path: Path, suffix: str) -> None:
    """Write by this name of a database, and be killed."""
    write = f"import os, sqlite3; sqlite3.connect({str(path)!r}).executescript({CRASH[suffix]!r})"
    done = subprocess.run([sys.executable, "-c", f"{write}; os.kill(os.getpid(), 9)"], check=False)
    assert done.returncode == -signal.SIGKILL


def find(places: Places, private: Path) -> SourceDatabase:
    private.mkdir()
    files, _ = copy_config(OURS, places, [], private)
    return find_database(OURS, places, files, private)


def link_file(name: Path, real: Path) -> None:
    name.symlink_to(os.path.relpath(real, name.parent))


def link_folder(name: Path, real: Path) -> None:
    name.parent.rmdir()
    name.parent.symlink_to(real.parent)
    real.rename(real.parent / name.name)


def link_link(name: Path, real: Path) -> None:
    (real.parent / "second").symlink_to(real.name)
    name.symlink_to(real.parent / "second")


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Make a database on a data volume."""
    path = tmp_path.resolve() / "data/real.db"
    make(path)
    return path


@pytest.mark.parametrize("link", [link_file, link_folder, link_link])
@pytest.mark.parametrize(("suffix", "rows"), [("-wal", 2), ("-journal", 1)])
def test_what_lies_beside_the_real_file_belongs_to_a_link(
    places: Places, real: Path, tmp_path: Path, link: Callable[[Path, Path], None], suffix: str, rows: int
) -> None:
    name = places.checkout / "teleclaude.db"
    link(name, real)
    crash(name, suffix)
    found = find(places, tmp_path / "private")
    assert (found.path, found.real.path) == (name, name.resolve())
    assert [file.path for file in found.files] == [name.resolve(), Path(f"{name.resolve()}{suffix}")]
    assert [table.rows for table in found.tables] == [rows]


def test_the_wal_of_events_lies_beside_the_real_file(places: Places, real: Path, tmp_path: Path) -> None:
    link_file(places.state / "events.db", real)
    crash(real, "-wal")
    found = find_events(OURS, places, tmp_path)
    assert found is not None
    assert [table.rows for table in found.tables] == [2]


def test_a_write_to_the_real_file_and_another_target_of_the_link_are_noticed(
    places: Places, real: Path, tmp_path: Path
) -> None:
    name = places.checkout / "teleclaude.db"
    link_file(name, real)
    found = find(places, tmp_path / "private")
    check_unchanged(OURS, (found,))
    Path(f"{real}-wal").write_bytes(b"x")
    with pytest.raises(SourceError, match=f"{real}-wal changed"):
        check_unchanged(OURS, (found,))
    Path(f"{real}-wal").unlink()
    name.unlink()
    name.write_bytes(real.read_bytes())
    with pytest.raises(SourceError, match=f"{name} changed"):
        check_unchanged(OURS, (found,))


def test_a_link_is_compared_with_its_database_and_read_no_second_time(
    places: Places, real: Path, tmp_path: Path
) -> None:
    name = places.checkout / "teleclaude.db"
    link_file(name, real)
    found = find(places, tmp_path / "private")
    files, _ = copy_config(OURS, places, [], tmp_path / "private")
    assert [file.path for file in list_files(OURS, places, files, (found,), ())] == [real]


@pytest.mark.parametrize("name", ["teleclaude.db", "../.teleclaude/events.db"])
def test_a_link_that_leads_to_nothing_is_named_with_its_target(
    places: Places, real: Path, tmp_path: Path, name: str
) -> None:
    path = Path(os.path.normpath(places.checkout / name))
    link_file(path, real)
    real.unlink()
    with pytest.raises(SourceError, match=re.escape(f"{path} is a link to {real}, which does not exist")):
        find(places, tmp_path / "private") if name == "teleclaude.db" else find_events(OURS, places, tmp_path)


def test_a_circle_of_links_is_named(places: Places, tmp_path: Path) -> None:
    (places.checkout / "teleclaude.db").symlink_to("teleclaude.db")
    with pytest.raises(OSError, match="symbolic links"):
        find(places, tmp_path / "private")


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_changes_beside_another_hard_link_in_its_folder_are_refused(
    places: Places, tmp_path: Path, suffix: str
) -> None:
    path, other = places.checkout / "teleclaude.db", places.checkout / "backup of it.db"
    make(path)
    other.hardlink_to(path)
    crash(other, suffix)
    said = re.escape(f"{path} and {other} are one file, and {other}{suffix} holds changes of it")
    with pytest.raises(SourceError, match=said) as refused:
        find(places, tmp_path / "private")
    assert refused.value.problem.hint.endswith(f"sqlite3 '{other}' .tables")


def test_changes_beside_another_name_that_is_configured_are_refused(places: Places, real: Path, tmp_path: Path) -> None:
    (places.checkout / "teleclaude.db").hardlink_to(real)
    (places.checkout / ".env").write_text(f"TELECLAUDE_DB_PATH={real}")
    crash(real, "-wal")
    with pytest.raises(SourceError, match=re.escape(f"{real}-wal holds changes")):
        find(places, tmp_path / "private")


def test_a_hard_link_without_changes_beside_it_is_counted_and_watched(places: Places, tmp_path: Path) -> None:
    path, other = places.checkout / "teleclaude.db", places.checkout / "other.db"
    make(path)
    other.hardlink_to(path)
    Path(f"{other}-journal").write_bytes(bytes(512))
    found = find(places, tmp_path / "private")
    assert (found.names.links, found.names.others) == (2, (other,))
    crash(other, "-wal")
    with pytest.raises(SourceError, match=f"{other}-wal changed|{path} changed"):
        check_unchanged(OURS, (found,))


def test_a_wal_beside_a_link_is_not_read_but_said(places: Places, real: Path, tmp_path: Path) -> None:
    name = places.checkout / "teleclaude.db"
    link_file(name, real)
    Path(f"{name}-wal").write_bytes(b"left behind")
    found = find(places, tmp_path / "private")
    assert found.names.unread == (Path(f"{name}-wal"),)
    assert len(found.files) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows in /proc which file a process has open")
def test_who_holds_the_file_by_another_name_is_named(places: Places, tmp_path: Path) -> None:
    path = places.checkout / "teleclaude.db"
    make(path)
    (tmp_path / "elsewhere.db").hardlink_to(path)
    found = find(places, tmp_path / "private")
    program = "import sys; print('up', flush=True); sys.stdin.read()"
    with (
        (tmp_path / "elsewhere.db").open("rb") as held,
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[held.fileno()]
        ) as running,
    ):
        assert running.stdout is not None
        running.stdout.readline()
        [activity] = find_processes(Privsep(), places, (found,))
        running.kill()
    assert f"process {running.pid} " in activity.problem.message


HOLDS = "import sys; held = open({name!r}, 'rb'); print('up', flush=True); sys.stdin.read()"
MAPS = """
import mmap, os, sys
with open({name!r}, 'rb') as file:
    held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
os.closerange(3, 100)
print('up', flush=True)
sys.stdin.read()
"""


def processes_while(places: Places, found: SourceDatabase, command: Sequence[str]) -> list[str]:
    """Return what is said of the processes while a command runs, without its number."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"up\n"
        said = [activity.problem.message for activity in find_processes(Privsep(), places, (found,))]
        running.kill()
    return [message.replace(str(running.pid), "N") for message in said]


def in_other_mounts(mount: str, program: str, *arguments: str) -> list[str]:
    """Return a command that runs a program of Python after a mount that it alone sees, as in a container."""
    script = f'set -e; {mount}; cd "$1"; shift; exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", arguments[0], sys.executable, "-c", program, *arguments[1:]]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root of Linux can mount")
def test_a_process_that_sees_another_file_under_the_same_path_is_innocent(places: Places, tmp_path: Path) -> None:
    path = places.checkout / "teleclaude.db"
    for folder in (places.checkout, tmp_path / "theirs"):
        folder.mkdir(exist_ok=True)
        make(folder / path.name)
    found = find(places, tmp_path / "private")
    mount = f"mount --bind {tmp_path}/theirs {places.checkout}"
    for words in (("-m", "teleclaude.daemon"), ("-m", "teleclaude.daemon", str(places.checkout))):
        command = in_other_mounts(mount, HOLDS.format(name=str(path)), str(places.checkout), *words)
        assert processes_while(places, found, command) == []


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root of Linux can mount")
@pytest.mark.parametrize(
    ("words", "said"),
    [((), "process N "), (("-m", "teleclaude.daemon"), "the daemon is running as process N")],
    ids=["a reader", "a daemon"],
)
def test_a_process_that_sees_the_checkout_under_another_path_is_named(
    places: Places, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    make(places.checkout / "teleclaude.db")
    (tmp_path / "app").mkdir()
    found = find(places, tmp_path / "private")
    mount = f"mount --bind {places.checkout} {tmp_path}/app"
    command = in_other_mounts(mount, HOLDS.format(name="teleclaude.db"), str(tmp_path / "app"), *words)
    [message] = processes_while(places, found, command)
    assert message.startswith(said)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows in /proc which file a process has mapped")
def test_who_has_mapped_the_file_and_closed_it_is_named(places: Places, tmp_path: Path) -> None:
    path = places.checkout / "teleclaude.db"
    make(path)
    found = find(places, tmp_path / "private")
    [message] = processes_while(places, found, [sys.executable, "-c", MAPS.format(name=str(path))])
    assert message.endswith("holds the database open")


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root mounts a file, and on Linux")
def test_a_file_that_is_mounted_alone_is_refused_because_its_wal_lies_elsewhere(real: Path, places: Places) -> None:
    crash(real, "-wal")
    name = places.state / "events.db"
    name.touch()
    look = (
        "from pathlib import Path; from teleclaude.migration.discover.database import find_events;"
        "from teleclaude.migration.source.installation import Places;"
        "from teleclaude.migration.source.privsep import Privsep;"
        f"find_events(Privsep(), Places(Path({str(places.checkout)!r}), Path({str(places.home)!r})), Path('/nowhere'))"
    )
    script = 'mount --bind "$1" "$2" && exec "$3" -c "$4"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(real), str(name), sys.executable, look]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"SourceError: {name} is mounted without its folder" in done.stderr
