"""The old database is found in every place where it can be, never guessed, and read from its copy."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.discover.configuration import copy_config
from teleclaude.migration.discover.database import find_database, find_events, find_odd_events, find_odd_settings
from teleclaude.migration.source.installation import Places, SourceDatabase
from teleclaude.migration.source.privsep import Privsep

SESSIONS = "CREATE TABLE sessions (session_id TEXT PRIMARY KEY, ux_state TEXT);"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "private"
    path.mkdir()
    return path


def make(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def find(places: Places, private: Path) -> SourceDatabase:
    files, _ = copy_config(Privsep(), places, [], private)
    return find_database(Privsep(), places, files, private)


def test_without_a_database_the_place_is_named(places: Places, private: Path) -> None:
    with pytest.raises(SourceError, match=f"there is no database at {places.checkout / 'teleclaude.db'}"):
        find(places, private)


def test_a_database_without_sessions_is_another_programs(places: Places, private: Path) -> None:
    make(places.checkout / "teleclaude.db", "CREATE TABLE books (a)")
    with pytest.raises(SourceError, match="is not TeleClaude's"):
        find(places, private)


def test_a_file_that_is_no_database_is_named(places: Places, private: Path) -> None:
    (places.checkout / "teleclaude.db").write_bytes(b"none" * 1000)
    with pytest.raises(SourceError, match="is damaged or not an SQLite database"):
        find(places, private)


@pytest.mark.parametrize(
    ("name", "text"),
    [("config.yml", "database: {path: '${WORKING_DIR}/other.db'}"), (".env", "TELECLAUDE_DB_PATH=other.db")],
)
def test_the_database_that_is_configured_is_chosen_where_the_usual_one_is_empty(
    places: Places, private: Path, name: str, text: str
) -> None:
    (places.checkout / name).write_text(text)
    make(places.checkout / "teleclaude.db", SESSIONS)
    make(places.checkout / "other.db", f"{SESSIONS} INSERT INTO sessions VALUES ('s', '')")
    found = find(places, private)
    assert found.path == places.checkout / "other.db"
    assert name in found.why


@pytest.mark.parametrize("named", ["other.db", "/nowhere/other.db", "${NOWHERE}/other.db", "/tmp", "/dev/null"])
def test_a_setting_that_names_no_database_is_a_warning_beside_one_and_else_the_reason(
    places: Places, private: Path, named: str
) -> None:
    (places.checkout / "config.yml").write_text(f"database: {{path: '{named}'}}")
    files, _ = copy_config(Privsep(), places, [], private)
    setting = f"database.path in {places.checkout / 'config.yml'}"
    with pytest.raises(SourceError, match=f"and none at .*, which {setting} names"):
        find_database(Privsep(), places, files, private)
    make(places.checkout / "teleclaude.db", SESSIONS)
    database = find_database(Privsep(), places, files, private)
    [odd] = find_odd_settings(Privsep(), places, files, database)
    assert odd.problem.message.startswith(f"{setting} names")


@pytest.mark.parametrize("path", ["''", "' '", "null", "5", "[a]", "'${WORKING_DIR}/teleclaude.db'", "teleclaude.db"])
def test_a_setting_that_names_nothing_or_the_usual_place_is_nothing_to_speak_of(
    places: Places, private: Path, path: str
) -> None:
    (places.checkout / "config.yml").write_text(f"database: {{path: {path}}}")
    make(places.checkout / "teleclaude.db", SESSIONS)
    files, _ = copy_config(Privsep(), places, [], private)
    database = find_database(Privsep(), places, files, private)
    assert database.path == places.checkout / "teleclaude.db"
    assert find_odd_settings(Privsep(), places, files, database) == ()


def test_a_setting_may_name_a_database_in_the_home(places: Places, private: Path) -> None:
    (places.checkout / "config.yml").write_text("database: {path: ~/moved.db}")
    make(places.home / "moved.db", SESSIONS)
    assert find(places, private).path == places.home / "moved.db"


@pytest.mark.parametrize("content", [b"no database" * 500, b""])
def test_a_setting_that_names_another_file_is_to_be_corrected(places: Places, private: Path, content: bytes) -> None:
    (places.checkout / "config.yml").write_text("database: {path: notes.txt}")
    (places.checkout / "notes.txt").write_bytes(content)
    make(places.checkout / "teleclaude.db", SESSIONS)
    with pytest.raises(SourceError, match=r"notes\.txt, which is not a database of TeleClaude"):
        find(places, private)


def test_two_databases_with_rows_are_refused_and_one_behind_a_link_is_one(places: Places, private: Path) -> None:
    (places.checkout / ".env").write_text("TELECLAUDE_DB_PATH=other.db")
    make(places.checkout / "teleclaude.db", f"{SESSIONS} INSERT INTO sessions VALUES ('s', '')")
    (places.checkout / "other.db").symlink_to("teleclaude.db")
    assert find(places, private).path.name == "teleclaude.db"
    (places.checkout / "other.db").unlink()
    make(places.checkout / "other.db", f"{SESSIONS} INSERT INTO sessions VALUES ('t', '')")
    (private / "again").mkdir()
    with pytest.raises(SourceError, match="two databases hold data"):
        find(places, private / "again")


@pytest.mark.parametrize("seq", ["7.9", "'12abc'", "' 12'", "x'3135'", "1e30", "'x'", "-5", "NULL", "9.2e18"])
def test_a_count_of_any_type_goes_on_where_sqlite_would(places: Places, private: Path, seq: str) -> None:
    path = places.checkout / "teleclaude.db"
    counted = "CREATE TABLE mine (id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO mine VALUES (3, 1);"
    make(path, f"{SESSIONS} {counted} UPDATE sqlite_sequence SET seq = {seq}")
    (mine,) = [table for table in find(places, private).tables if table.name == "mine"]
    with closing(sqlite3.connect(path)) as connection:
        try:
            used = connection.execute("INSERT INTO mine (a) VALUES (2)").lastrowid
        except sqlite3.OperationalError:
            used = 2**63
    assert max(mine.next_id or 0, 4) == used


def test_owners_of_the_old_sessions_are_kept_as_what_they_are(places: Places, private: Path) -> None:
    make(
        places.checkout / "teleclaude.db",
        "CREATE TABLE sessions (session_id TEXT PRIMARY KEY, owner_uid); INSERT INTO sessions VALUES ('s', 1000)",
    )
    assert find(places, private).tables[0].columns[1].storage == {"integer"}


def test_tables_are_read_as_sqlite_knows_them(places: Places, private: Path) -> None:
    make(
        places.checkout / "teleclaude.db",
        f"""{SESSIONS}
        INSERT INTO sessions VALUES ('s', '{{"pending_deletions": [1, 2]}}');
        CREATE TABLE mine (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b AS (a));
        INSERT INTO mine (id, a) VALUES (7, 1), (8, 'x'), (9, NULL);
        DELETE FROM mine WHERE id = 9;
        CREATE TABLE schema_migrations (version TEXT);
        INSERT INTO schema_migrations VALUES ('002'), ('001'), (NULL);
        CREATE VIRTUAL TABLE words USING fts5(t);
        CREATE VIEW v AS SELECT 1;""",
    )
    found = find(places, private)
    tables = {table.name: table for table in found.tables}
    mine = tables["mine"]
    assert (mine.rows, mine.next_id, [column.name for column in mine.columns]) == (2, 10, ["id", "a", "b"])
    assert mine.columns[1].storage == {"integer", "text"}
    assert tables["sessions"].columns[0].key_position == 1
    assert tables["words_data"].search_index
    assert found.migrations == ("001", "002")
    assert (found.others, found.pending_deletions) == ((("view", "v"),), 2)


def test_the_database_of_events_may_be_missing_but_not_something_else(places: Places, private: Path) -> None:
    assert find_events(Privsep(), places, private) is None
    assert find_odd_events(places) == ()
    (places.state / "events.db").mkdir()
    [warning] = find_odd_events(places)
    assert warning.problem.message == f"{places.state / 'events.db'} is not a file, so no events are moved"


@pytest.mark.parametrize("damaged", ["words_data", "words_config"])
def test_a_damaged_search_index_is_no_damaged_database(places: Places, private: Path, damaged: str) -> None:
    rows = "CREATE VIRTUAL TABLE words USING fts5(t); INSERT INTO words VALUES ('one');"
    make(places.checkout / "teleclaude.db", f"{SESSIONS} INSERT INTO sessions VALUES ('s', ''); {rows}")
    make(places.checkout / "teleclaude.db", f"DELETE FROM {damaged};")
    assert {table.name: table.rows for table in find(places, private).tables}["sessions"] == 1
