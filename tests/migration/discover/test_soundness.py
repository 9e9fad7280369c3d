"""What this SQLite does not know, and what no row depends on, is never called damage; damage is."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.discover.content import read_content
from teleclaude.migration.source.installation import SourceTable

MANY = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "


@contextmanager
def changed(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database with an order and a function of its own program, and let its schema be written to."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.create_collation("icu_root", lambda one, other: (one > other) - (one < other))
        database.create_function("double", 1, lambda value: value * 2, deterministic=True)
        database.execute("PRAGMA writable_schema = ON")
        yield database


def make(path: Path, *statements: str) -> None:
    with changed(path) as database:
        for statement in statements:
            database.execute(statement)


def tables(path: Path) -> dict[str, SourceTable]:
    return {table.name: table for table in read_content(path, path).tables}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database with one sound table."""
    path = tmp_path / "old.db"
    make(path, "CREATE TABLE sound (a TEXT PRIMARY KEY, b)", "INSERT INTO sound VALUES ('x', 1), ('y', 2)")
    return path


@pytest.mark.parametrize(
    "definition",
    [
        "(name TEXT COLLATE icu_root, UNIQUE (name))",
        "(name TEXT COLLATE icu_root PRIMARY KEY) WITHOUT ROWID",
        "(name TEXT CHECK (double(1) = 2))",
    ],
)
def test_a_table_with_an_order_or_a_check_of_its_own_program_is_read(path: Path, definition: str) -> None:
    make(path, f"CREATE TABLE album {definition}", "INSERT INTO album VALUES ('a'), ('ä'), ('Z')")
    found = tables(path)
    assert (found["album"].rows, found["sound"].rows) == (3, 2)


def test_an_unknown_order_of_an_index_lets_no_key_count_as_unique(path: Path) -> None:
    make(path, "CREATE INDEX ours ON sound (a COLLATE icu_root)")
    found = read_content(path, path)
    assert found.collations == {"icu_root"}
    assert not tables(path)["sound"].unique
    assert tables(path)["sound"].broken_indexes == ()


def test_a_column_that_cannot_be_computed_is_named_and_the_others_are_read(path: Path) -> None:
    make(
        path,
        "CREATE TABLE calc (a, b AS (double(a)), c AS (double(a)) STORED)",
        "INSERT INTO calc (a) VALUES (1)",
        "CREATE INDEX calc_e ON calc (double(a))",
    )
    calc = tables(path)["calc"]
    assert [column.name for column in calc.columns] == ["a", "c"]
    [(name, reason)] = calc.computed
    assert name == "b"
    assert "double" in reason


@pytest.mark.parametrize("using", ["vec0(embedding)", "fts5(a, tokenize = 'simple')", "fts4(a, tokenize=simple)"])
def test_a_virtual_table_that_cannot_be_opened_is_left_and_its_other_tables_are_read(path: Path, using: str) -> None:
    sql = f"CREATE VIRTUAL TABLE vectors USING {using}".replace("'", "''")
    make(
        path,
        "CREATE TABLE vectors_content (id INTEGER PRIMARY KEY, c0)",
        "INSERT INTO vectors_content VALUES (1, 'x')",
        f"INSERT INTO sqlite_master VALUES ('table', 'vectors', 'vectors', 0, '{sql}')",
    )
    found = tables(path)
    assert found["vectors"].closed or found["vectors"].search_index
    assert (found["vectors_content"].rows, found["sound"].rows) == (1, 2)


@pytest.mark.parametrize(
    "sql", ["CREATE VIEW odd AS SELECT a FROMM sound", "CREATE TRIGGER odd AFTER INSERT ON sound WHENEVER BEGIN END"]
)
def test_a_view_or_trigger_in_newer_sql_hides_no_table(path: Path, sql: str) -> None:
    kind = sql.split()[1].lower()
    make(path, f"INSERT INTO sqlite_master VALUES ('{kind}', 'odd', 'sound', 0, '{sql}')")
    assert tables(path)["sound"].rows == 2


def test_a_table_in_newer_sql_is_named_with_what_is_not_known(path: Path) -> None:
    make(path, "CREATE TABLE odd (a)", "UPDATE sqlite_master SET sql = sql || ' SHINY' WHERE name = 'odd'")
    with pytest.raises(SourceError, match=r"^SQLite 3\S+ cannot read the table odd of .*SHINY"):
        tables(path)


def test_an_entry_of_the_schema_that_leads_nowhere_is_damage(path: Path) -> None:
    make(path, "CREATE TABLE odd (a)", "UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'odd'")
    with pytest.raises(SourceError, match="is damaged"):
        tables(path)


@pytest.mark.parametrize("index", ["sound_b", "sqlite_autoindex_sound_1"])
def test_an_index_that_lacks_rows_is_named_and_the_rows_are_counted(path: Path, index: str) -> None:
    make(path, "CREATE INDEX sound_b ON sound (b)")
    with changed(path) as database:
        row = database.execute("SELECT * FROM sqlite_master WHERE name = ?", (index,)).fetchone()
        sql = database.execute("SELECT sql FROM sqlite_master WHERE name = 'sound'").fetchone()
        database.execute("DELETE FROM sqlite_master WHERE name = ?", (index,))
        database.execute("UPDATE sqlite_master SET sql = replace(sql, ' PRIMARY KEY', '') WHERE name = 'sound'")
    make(path, "INSERT INTO sound VALUES ('x', 3)")
    with changed(path) as database:
        database.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row)
        database.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'sound'", sql)
    sound = tables(path)["sound"]
    assert (sound.rows, sound.unique) == (3, False)
    assert index in sound.broken_indexes


def test_values_that_break_their_checks_are_no_damage(path: Path) -> None:
    make(
        path,
        "CREATE TABLE odd (a INTEGER CHECK (a > 0), b NOT NULL)",
        "PRAGMA ignore_check_constraints = ON",
        "INSERT INTO odd VALUES (-1, 2)",
        "UPDATE sqlite_master SET sql = replace(sql, 'a INTEGER', 'a NOT NULL') WHERE name = 'odd'",
    )
    make(path, "UPDATE sqlite_master SET sql = 'CREATE TABLE odd (a CHECK (a > 0), b NOT NULL)' WHERE name = 'odd'")
    assert tables(path)["odd"].rows == 1


def test_a_search_index_that_disagrees_with_its_table_is_no_damage(path: Path) -> None:
    make(path, "CREATE VIRTUAL TABLE words USING fts5(a, content = 'sound')")
    make(path, "INSERT INTO words (rowid, a) VALUES (1, 'other words'), (77, 'of no row')")
    assert tables(path)["sound"].rows == 2


def overwrite_leaf(path: Path, table: str) -> None:
    """Spoil a page of a table beyond its first."""
    with closing(sqlite3.connect(path)) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        root = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        page = file.read(size)
        # The right-most child of an interior page (SQLite manual, "Database File Format", section 1.6).
        file.seek((int.from_bytes(page[8:12]) - 1) * size)
        file.write(b"\xff" * size)


def overwrite_first(path: Path, name: str) -> None:
    """Spoil the first page of a table or index."""
    with closing(sqlite3.connect(path)) as database:
        ((size,),) = database.execute("PRAGMA page_size")
        ((root,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,))
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


@pytest.mark.parametrize(("table", "damaged"), [("sound", True), ("words_data", False)])
def test_pages_are_damage_where_rows_that_are_moved_are_on_them(path: Path, table: str, damaged: bool) -> None:
    make(path, f"{MANY} INSERT INTO sound SELECT 'k' || i, hex(randomblob(50)) FROM n")
    make(path, "CREATE VIRTUAL TABLE words USING fts5(a)")
    make(path, f"{MANY} INSERT INTO words SELECT hex(randomblob(90)) FROM n")
    overwrite_leaf(path, table)
    if damaged:
        with pytest.raises(SourceError, match="is damaged"):
            tables(path)
    else:
        assert tables(path)["sound"].rows == 2002


@pytest.mark.parametrize("index", ["sound_b", "sqlite_autoindex_sound_1"])
@pytest.mark.parametrize("page_size", [512, 65536])
def test_an_index_with_damaged_pages_is_named_and_its_table_is_read(path: Path, index: str, page_size: int) -> None:
    make(path, f"PRAGMA page_size = {page_size}", "VACUUM", "CREATE INDEX sound_b ON sound (b)")
    make(path, f"{MANY} INSERT INTO sound SELECT i || hex(randomblob(50)), hex(randomblob(50)) FROM n")
    overwrite_leaf(path, index)
    sound = tables(path)["sound"]
    assert (sound.rows, sound.broken_indexes, sound.unique) == (2002, (index,), False)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_index_whose_cells_were_lost_is_named_although_it_seems_to_hold_every_row(path: Path) -> None:
    make(path, "CREATE INDEX sound_b ON sound (b)")
    with closing(sqlite3.connect(path)) as database:
        root = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sound_b'").fetchone()[0]
    with path.open("r+b") as file:
        # The bytes between the cells that are said to be in use (SQLite manual, "Database File Format", section 1.6).
        file.seek((root - 1) * 4096 + 7)
        file.write(b"\x09")
    assert tables(path)["sound"].broken_indexes == ("sound_b",)


def test_pages_without_a_row_are_no_damage(path: Path) -> None:
    make(path, "CREATE TABLE gone (a)", f"{MANY} INSERT INTO gone SELECT randomblob(90) FROM n", "DROP TABLE gone")
    make(path, "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY)", "INSERT INTO schema_migrations VALUES (1)")
    make(path, "ANALYZE")
    overwrite_first(path, "sqlite_stat1")
    overwrite_first(path, "sqlite_autoindex_schema_migrations_1")
    with path.open("r+b") as file:
        # The number of free pages (SQLite manual, "Database File Format", section 1.3).
        file.seek(36)
        file.write(b"\0\0\0\x63")
    content = read_content(path, path)
    assert content.migrations == ("1",)
    assert {table.name: table.rows for table in content.tables}["sound"] == 2


def test_a_later_format_of_the_file_is_no_damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03\x03")
    with pytest.raises(SourceError, match=r"^SQLite 3.* cannot read .*file is not a database"):
        tables(path)
