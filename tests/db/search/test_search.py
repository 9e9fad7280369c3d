"""A golden set: queries made from the data find the same rows on PostgreSQL as in SQLite's own full-text index."""

import json
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import MemoryObservation, Mirror
from teleclaude.db.search import places
from teleclaude.db.search.places import MemorySearch, MirrorSearch
from teleclaude.db.url import parse_url

NOW = datetime(2026, 3, 15, tzinfo=UTC)
PIECES = (
    *("deploy", "Deploy", "DEPLOYMENT", "pipeline", "src/teleclaude/core/db.py", "~/.teleclaude/config.yml", "db.py"),
    *("ada@example.org", "Ada.Lovelace+x@example.co.uk", "v1.2.3", "1.2.3-rc1", "2026-03-15T07:30:00Z", "0x1F", "1e5"),
    *(
        "Zürich",
        "zurich",
        "ZÜRICH",
        "naïve",
        "e\u0301tude",
        "Ελλάδα",
        "ΕΛΛΆΔΑ",
        "Привет",
        "привет",
        "重构数据库迁移",
        "ß",
        "İ",
    ),
    *(
        "snake_case_name",
        "kebab-case-name",
        "CamelCase",
        "don't",
        "C++",
        "C#",
        "🚀",
        "50%",
        "100_000",
        "a\\b",
        "x=y",
        "½",
    ),
    *("foo", "bar", "baz", "the", "of", "not", "and", "near", "title", "AND", "http://localhost:8080/path?q=1#frag"),
)


async def search_memory(engine: AsyncEngine, wanted: MemorySearch) -> Sequence[MemoryObservation]:
    async with Orm(engine) as orm:
        ids = await places.search_memory(orm, wanted)
        found = await orm.scalars(select(MemoryObservation).where(MemoryObservation.id.in_(ids)))
        return sorted(found, key=lambda row: ids.index(row.id))


async def search_mirrors(engine: AsyncEngine, wanted: MirrorSearch) -> Sequence[Mirror]:
    async with Orm(engine) as orm:
        ids = await places.search_mirrors(orm, wanted)
        found = await orm.scalars(select(Mirror).where(Mirror.id.in_(ids)))
        return sorted(found, key=lambda row: ids.index(row.id))


def sentence(dice: random.Random, longest: int = 12) -> str:
    return " ".join(dice.choices(PIECES, k=dice.randint(0, longest)))


def make_observations(dice: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "memory_session_id": "m",
            "project": dice.choice(("teleclaude", "Büro")),
            "type": dice.choice(("decision", "gotcha")),
            "title": sentence(dice, 4) if number % 7 else None,
            "subtitle": sentence(dice, 4) if number % 5 == 0 else None,
            "narrative": sentence(dice, 30) if number % 11 else "word " * 400 + sentence(dice),
            "facts": [sentence(dice), sentence(dice, 3)] if number % 3 else None,
            "concepts": [sentence(dice, 2)] if number % 4 == 0 else None,
            "created_at": NOW,
            "created_at_epoch": 1_700_000_000 + dice.randint(0, 40),
            "identity_key": dice.choice((None, "discord:1", "telegram:2")),
        }
        for number in range(1, 121)
    ]


def make_queries(dice: random.Random) -> Iterator[str]:
    """Yield what people ask: the pieces as they stand, their words, and words put together in every way."""
    words = sorted({word for piece in PIECES for word in piece.replace("/", " ").replace(".", " ").split()})
    yield from PIECES
    yield from (f'"{piece}"' for piece in PIECES)
    for word in words:
        yield from (word.upper(), f"{word[:3]}*", f'"{word[:2]}"*')
    for _ in range(150):
        one, two, three = dice.choices(words, k=3)
        yield dice.choice(
            (
                *(
                    f"{one} {two}",
                    f'"{one} {two}"',
                    f'"{one}" OR "{two}"',
                    f'"{one}" NOT "{two}"',
                    f'"{one}" AND "{two}"',
                ),
                *(f'("{one}" OR "{two}") AND "{three}"', f'title : "{one}"', f'{{facts concepts}} : "{one}"'),
                *(f'^"{one}"', f'NEAR("{one}" "{two}", 3)', f'"{one}" + "{two}"', f'- narrative : "{one}"'),
                *(
                    f'"{one}" NOT "{two} {three}"',
                    f"{one}%{two}",
                    f"{one}_{two}",
                    f'"{one}',
                    f"{one} OR",
                    f"nosuch : {one}",
                ),
            )
        )


@pytest.fixture
async def both(tmp_path: Path, target: URL) -> AsyncIterator[tuple[AsyncEngine, AsyncEngine]]:
    """Fill SQLite and PostgreSQL alike."""
    dice = random.Random(20260315)
    observations = make_observations(dice)
    mirrors = [
        {
            "session_id": str(number),
            "computer": dice.choice(("workshop", "büro")),
            "agent": dice.choice(("claude", "codex")),
            "title": sentence(dice, 3),
            "timestamp_start": NOW.replace(day=1 + number % 20) if number % 3 else None,
            "conversation_text": sentence(dice, 200),
            "created_at": NOW,
            "updated_at": NOW.replace(day=1 + number % 9),
        }
        for number in range(40)
    ]
    old, new = make_engine(parse_url(f"sqlite:///{tmp_path / 'x.db'}")), make_engine(target)
    async with disposing(old), disposing(new):
        for engine in (old, new):
            async with engine.begin() as connection:
                await connection.run_sync(schema.upgrade)
                await connection.execute(insert(MemoryObservation), observations)
                await connection.execute(insert(Mirror), mirrors)
        yield old, new


async def find_memory(engine: AsyncEngine, query: str) -> list[int]:
    return [row.id for row in await search_memory(engine, MemorySearch(query, limit=1000))]


async def write_raw(engine: AsyncEngine) -> None:
    """Write the JSON of every observation as imports do, where the single-user program escapes it."""
    columns = ("facts", "concepts")
    async with Orm(engine) as orm:
        for row in await orm.scalars(select(MemoryObservation)):
            raw = {name: json.dumps(getattr(row, name), ensure_ascii=False) for name in columns if getattr(row, name)}
            for name, value in raw.items():
                statement = text(f"UPDATE memory_observations SET {name} = :value WHERE id = :id")
                await orm.execute(statement, {"value": value, "id": row.id})
        await orm.commit()


async def test_memory_is_found_as_before_in_either_spelling_of_json(both: tuple[AsyncEngine, AsyncEngine]) -> None:
    old, new = both
    queries = list(make_queries(random.Random(1)))
    escaped = [await find_memory(old, query) for query in queries]
    await write_raw(old)
    raw = [await find_memory(old, query) for query in queries]
    after = [await find_memory(new, query) for query in queries]
    asked = zip(queries, escaped, raw, after, strict=True)
    assert [query for query, *before, now in asked if set(now) != set().union(*before)] == []
    # In their order: rows of both spellings are compared with those of one.
    assert all(now == before for before, other, now in zip(escaped, raw, after, strict=True) if before == other)
    assert sum(map(bool, escaped)) > 200
    assert sum(set(one) > set(other) for one, other in zip(raw, escaped, strict=True)) > 20


async def test_conversations_are_found_as_before_by_every_golden_query(both: tuple[AsyncEngine, AsyncEngine]) -> None:
    dice = random.Random(2)
    found = 0
    for query in [*PIECES, *(sentence(dice, 3) for _ in range(60)), '"', "*", "a OR b", ""]:
        before, after = [
            [row.session_id for row in await search_mirrors(engine, MirrorSearch(query, limit=1000))] for engine in both
        ]
        assert before == after, query
        found += bool(before)
    assert found > 40


@pytest.mark.parametrize(
    "wanted",
    [
        MemorySearch("deploy*", limit=3),
        MemorySearch("foo AND bar", limit=1),
        MemorySearch("deploy OR foo", project="Büro"),
        MemorySearch("deploy OR foo", type="gotcha"),
        MemorySearch("deploy OR foo", identity_key="discord:1"),
        MemorySearch("db.py", project="Büro", type="decision", identity_key="telegram:2", limit=2),
    ],
)
async def test_filters_limit_and_order_are_the_same(
    both: tuple[AsyncEngine, AsyncEngine], wanted: MemorySearch
) -> None:
    before, after = [[row.id for row in await search_memory(engine, wanted)] for engine in both]
    assert before
    assert before == after


@pytest.mark.parametrize("wanted", [MirrorSearch("foo", agent="codex"), MirrorSearch("foo", computer="büro", limit=2)])
async def test_conversations_of_an_agent_or_a_computer_are_told_apart(
    both: tuple[AsyncEngine, AsyncEngine], wanted: MirrorSearch
) -> None:
    before, after = [[row.session_id for row in await search_mirrors(engine, wanted)] for engine in both]
    assert before
    assert before == after


async def test_what_is_changed_and_deleted_is_searched_as_it_is_now(both: tuple[AsyncEngine, AsyncEngine]) -> None:
    for engine in both:
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE memory_observations SET title = 'unheard-of' WHERE id = 7"))
            await connection.execute(text("UPDATE memory_observations SET title = 'unheard-of' WHERE id = 8"))
            await connection.execute(text("DELETE FROM memory_observations WHERE id = 8"))
        assert [row.id for row in await search_memory(engine, MemorySearch('"unheard of"'))] == [7]


HUGE = {
    "longword": "x" * 3000 + " needle",
    "longer": "x" * 2999 + "y other",
    "megabytes": " ".join(f"word{number}" for number in range(200_000)) + " needle",
}


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("needle", {"longword", "megabytes"}),
        ("word199999", {"megabytes"}),
        ("word19999*", {"megabytes"}),
        ("x" * 3000, {"longword"}),
        ("x" * 2999 + "*", {"longword", "longer"}),
        ("x" * 500, set()),
        ("x" * 500 + "*", {"longword", "longer"}),
        ("other NOT needle", {"longer"}),
        ("nothing", set()),
    ],
)
async def test_a_text_beyond_the_limits_of_the_index_is_found(target: URL, query: str, titles: set[str]) -> None:
    rows = [
        {"memory_session_id": "m", "project": "p", "type": "t", "title": title, "narrative": content}
        | {"created_at": NOW, "created_at_epoch": 0}
        for title, content in HUGE.items()
    ]
    async with disposing(make_engine(target)) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(schema.upgrade)
            await connection.execute(insert(MemoryObservation), rows)
        assert {row.title for row in await search_memory(engine, MemorySearch(query))} == titles
