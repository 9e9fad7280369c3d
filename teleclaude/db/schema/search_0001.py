"""The search of the first revision, frozen: what the single-user program found, found again.

On SQLite these are the program's own full-text tables and triggers. PostgreSQL has no such tokenizer without an
extension, so functions split and fold as it does; they resolve their names when they are created (BEGIN ATOMIC), so
that no search_path can change what an index holds. The functions are not STRICT, because then PostgreSQL could not
inline them, and every call would plan its body anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op
from sqlalchemy.exc import OperationalError

from teleclaude.db.unicode61 import FOLDED, MARKS, SEPARATORS, UNFOLDED

BEYOND = "+"
"""The one lexeme of a row that is beyond the limits of a tsvector; it is no word, so that nothing else has it."""

LONGEST_LEXEME = 500
"""In characters: a longer word is found by its beginning. PostgreSQL takes 2046 bytes (manual, section 12.11)."""

FUNCTIONS = {
    # Only the few characters that do fold, each once, go through translate, which is slow for a long list.
    "search_fold(text)": f"""
        (content text) RETURNS text BEGIN ATOMIC
        SELECT lower(translate(bare, found, translate(found, '{UNFOLDED}', '{FOLDED}')) COLLATE "C")
        FROM (SELECT regexp_replace(content COLLATE "C", '[{MARKS}]+', '', 'g') AS bare) AS unmarked,
        LATERAL (
            SELECT coalesce(string_agg(letter, ''), '') AS found FROM (
                SELECT DISTINCT letter
                FROM string_to_table(regexp_replace(bare, '[^{UNFOLDED}]+', '', 'g'), NULL) AS letter
            ) AS letters
        ) AS folding; END""",
    "search_words(text)": f"""
        (content text) RETURNS text[] BEGIN ATOMIC
        SELECT array_remove(string_to_array(regexp_replace(
            CASE WHEN octet_length(content) = char_length(content) THEN lower(content COLLATE "C")
            ELSE search_fold(content) END COLLATE "C", '[{SEPARATORS}]+', ' ', 'g'), ' '), ''); END""",
    # A tsvector holds a megabyte (manual, section 12.11).
    "search_long_vector(text)": f"""
        (content text) RETURNS tsvector BEGIN ATOMIC
        SELECT CASE WHEN sum(octet_length(word)) < 1000000 THEN array_to_tsvector(array_agg(word))
            ELSE array_to_tsvector(ARRAY['{BEYOND}']) END
        FROM (
            SELECT DISTINCT left(word, {LONGEST_LEXEME}) AS word FROM unnest(search_words(content)) AS word
        ) AS lexemes; END""",
    # Folding may lengthen a character of two bytes to three, so a text this short has no word too long for a lexeme.
    "search_vector(text)": """
        (content text) RETURNS tsvector BEGIN ATOMIC
        SELECT CASE WHEN octet_length(content) <= 1300 THEN array_to_tsvector(search_words(content))
            ELSE search_long_vector(content) END; END""",
    # The program wrote JSON in ASCII, and its index holds the words of the escapes.
    "search_json(jsonb)": """
        (document jsonb) RETURNS text BEGIN ATOMIC
        SELECT CASE WHEN octet_length(document::text) = char_length(document::text) THEN document::text ELSE (
            SELECT string_agg(
                CASE WHEN ascii(letter) < 128 THEN letter
                WHEN ascii(letter) < 65536 THEN '\\u' || lpad(to_hex(ascii(letter)), 4, '0')
                ELSE '\\u' || to_hex(55296 + (ascii(letter) - 65536) / 1024)
                    || '\\u' || to_hex(56320 + (ascii(letter) - 65536) % 1024) END, '' ORDER BY place)
            FROM string_to_table(document::text, NULL) WITH ORDINALITY AS letters (letter, place)
        ) END; END""",
    "search_memory(text, text, text, jsonb, jsonb)": """
        (title text, subtitle text, narrative text, facts jsonb, concepts jsonb) RETURNS tsvector BEGIN ATOMIC
        SELECT search_vector(coalesce(title, '') || ' ' || coalesce(subtitle, '') || ' ' || coalesce(narrative, '')
            || ' ' || coalesce(search_json(facts), '') || ' ' || coalesce(search_json(concepts), '')); END""",
    "search_mirror(text, text)": """
        (title text, conversation_text text) RETURNS tsvector BEGIN ATOMIC
        SELECT search_vector(coalesce(title, '') || ' ' || coalesce(conversation_text, '')); END""",
}
"""Every function with its definition, each after those that it calls."""

EXPRESSIONS = {
    "memory_observations": "search_memory(title, subtitle, narrative, facts, concepts)",
    "mirrors": "search_mirror(title, conversation_text)",
}
"""What is searched in, by table."""

INDEXES = {
    "idx_memory_obs_search": "memory_observations",
    "idx_mirrors_search": "mirrors",
}

_FULL_TEXT = {
    "memory_observations": ("memory_obs", ("title", "subtitle", "narrative", "facts", "concepts")),
    "mirrors": ("mirrors", ("title", "conversation_text")),
}
"""On SQLite: the table, the beginning of its triggers' names, and the columns that are searched."""


def create_functions() -> None:
    """Create what the indexes are made of; SQLite has it built in."""
    if op.get_context().dialect.name == "postgresql":
        for signature, definition in FUNCTIONS.items():
            name = signature.partition("(")[0]
            attributes, _, body = definition.partition(" BEGIN ATOMIC")
            # So dear that the planner looks into the index rather than at the words of every row.
            traits = "LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000"
            _run(f"CREATE FUNCTION {name}{attributes} {traits} BEGIN ATOMIC{body}")


def create_indexes() -> None:
    """Create the indexes of the search; a SQLite without FTS5 does without, as the old program did."""
    if op.get_context().dialect.name == "postgresql":
        for name, table in INDEXES.items():
            _run(f"CREATE INDEX {name} ON {table} USING gin ({EXPRESSIONS[table]})")
        return
    for table, (prefix, columns) in _FULL_TEXT.items():
        try:
            _run(
                f"CREATE VIRTUAL TABLE {table}_fts USING fts5({_list(columns)}, content='{table}', content_rowid='id')"
            )
        except OperationalError as error:
            if "no such module" in str(error.orig):
                return
            raise
        _create_triggers(table, prefix, columns)


def _create_triggers(table: str, prefix: str, columns: tuple[str, ...]) -> None:
    index, names = f"{table}_fts", _list(columns)
    old, new = (_list(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    forget = f"INSERT INTO {index} ({index}, rowid, {names}) VALUES ('delete', old.id, {old});"
    learn = f"INSERT INTO {index} (rowid, {names}) VALUES (new.id, {new});"
    _run(f"CREATE TRIGGER {prefix}_ai AFTER INSERT ON {table} BEGIN {learn} END")
    _run(f"CREATE TRIGGER {prefix}_ad AFTER DELETE ON {table} BEGIN {forget} END")
    _run(f"CREATE TRIGGER {prefix}_au AFTER UPDATE ON {table} BEGIN {forget} {learn} END")


def drop_indexes() -> None:
    """Take away what `create_indexes` made."""
    if op.get_context().dialect.name == "postgresql":
        for name in INDEXES:
            _run(f"DROP INDEX IF EXISTS {name}")
        return
    for table, (prefix, _) in _FULL_TEXT.items():
        for event in ("ai", "ad", "au"):
            _run(f"DROP TRIGGER IF EXISTS {prefix}_{event}")
        _run(f"DROP TABLE IF EXISTS {table}_fts")


def drop_functions() -> None:
    """Take away what `create_functions` made."""
    if op.get_context().dialect.name == "postgresql":
        _run(f"DROP FUNCTION {_list(FUNCTIONS)}")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _run(statement: str) -> None:
    # As the driver takes it: a colon or a per cent sign in a pattern is no parameter.
    op.get_bind().exec_driver_sql(statement)
