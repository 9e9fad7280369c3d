import sqlite3
from contextlib import closing

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db import schema
from teleclaude.db.unicode61 import split_words

CHARACTERS = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code <= 0xDFFF]
ENVELOPE = "a{}b {} Zz{}"
"""Where a character can stand: inside a word, alone, at its end."""
INSIDE = "a{}b"
"""Enough to tell what is one word from what is two; for the planes that have hardly a character yet."""


def make_pages(characters: list[str], envelope: str = ENVELOPE) -> list[str]:
    """Return all of them in their envelopes, a few thousand to a text."""
    starts = range(0, len(characters), 4000)
    return [" ".join(envelope.replace("{}", c) for c in characters[start : start + 4000]) for start in starts]


def fts5_words(texts: list[str]) -> list[tuple[str, ...]]:
    """Return the words of each text as SQLite's own tokenizer has them."""
    found: dict[int, dict[int, str]] = {}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE texts USING fts5(content)")
        connection.executemany("INSERT INTO texts (rowid, content) VALUES (?, ?)", enumerate(texts))
        connection.execute("CREATE VIRTUAL TABLE words USING fts5vocab(texts, instance)")
        for term, row, place in connection.execute('SELECT term, doc, "offset" FROM words'):
            found.setdefault(row, {})[place] = term
    return [tuple(word for _, word in sorted(found.get(row, {}).items())) for row in range(len(texts))]


def test_every_character_splits_and_folds_as_in_sqlite() -> None:
    texts = make_pages(CHARACTERS[:0x20000]) + make_pages(CHARACTERS[0x20000:], INSIDE)
    assert [split_words(text) for text in texts] == fts5_words(texts)


async def test_every_character_splits_and_folds_alike_in_postgresql(target_engine: AsyncEngine) -> None:
    pages = make_pages(CHARACTERS[:0x30000])
    async with target_engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
        for page in pages:
            found = await connection.scalar(text("SELECT search_words(:page)"), {"page": page})
            assert tuple(found) == split_words(page)


async def test_a_text_in_ascii_takes_the_short_way_to_the_same_words(target_engine: AsyncEngine) -> None:
    page = "".join(ENVELOPE.replace("{}", chr(code)) for code in range(1, 128))
    async with target_engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
        assert tuple(await connection.scalar(text("SELECT search_words(:page)"), {"page": page})) == split_words(page)
