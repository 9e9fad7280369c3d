"""Queries mean what they mean to FTS5; FTS5 itself is the judge."""

import sqlite3
import time
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleclaude.db.search.lexemes import to_lookup
from teleclaude.db.search.match import matches
from teleclaude.db.search.query import QueryError, parse_query
from teleclaude.db.unicode61 import split_words

COLUMNS = ("title", "body", "tag")
Document = tuple[str, str, str]

text = st.lists(st.sampled_from(["a", "b", "ab", "abc", "é", "x1", "foo", "bar", "title"]), max_size=7).map(" ".join)
documents = st.lists(st.tuples(text, text, text), min_size=1, max_size=5)
tokens = st.sampled_from(
    [
        *("a", "b", "ab", "É", "foo_bar", "x1", '"a b"', '""', '"!"', '"tag"', "title", "body", "TITLE", "2"),
        *("AND", "OR", "NOT", "NEAR", "NEAR(", "NEAR(a b)", "NEAR(a b, 1)", 'NEAR("a b" ab*, 0)', "OR", "AND"),
        *("(", ")", "{", "}", ":", "-", "+", "*", "^", ",", ".", '"', "title :", "{title tag} :", "- body :"),
    ]
)
queries = st.lists(tokens, max_size=9).map(" ".join)


def fts5(rows: list[Document], query: str) -> list[int] | None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE pages USING fts5(title, body, tag)")
        connection.executemany("INSERT INTO pages VALUES (?, ?, ?)", rows)
        try:
            found = connection.execute("SELECT rowid FROM pages WHERE pages MATCH ?", (query,))
            return sorted(row for (row,) in found)
        except sqlite3.OperationalError:
            return None


def ours(rows: list[Document], query: str) -> list[int] | None:
    try:
        asked = parse_query(query, COLUMNS)
    except QueryError:
        return None
    words = [dict(zip(COLUMNS, map(split_words, row), strict=True)) for row in rows]
    return [number for number, found in enumerate(words, 1) if matches(asked, found)]


@settings(max_examples=1500, deadline=None)
@given(documents, queries)
def test_any_query_finds_the_rows_that_fts5_finds_or_is_refused_as_there(rows: list[Document], query: str) -> None:
    assert ours(rows, query) == fts5(rows, query)


@pytest.mark.parametrize(
    "query",
    [
        *("a b", "a AND b OR c", "a OR b AND c", "a NOT b NOT c", "a NOT b AND c", "(a OR b) AND c", "a (b)"),
        *('"a b"', '"a" + b', "a + b*", "a* + b", "^a", "^ a + b", "title:a", "TITLE : a b", "title : (a OR body : b)"),
        *("{title body}: a", "- title : a", "- {title body} : a", "nobody : a", "NEAR(a b)", "NEAR(a b c, 1)"),
        *("NEAR(a b, x)", "near(a b)", '"NEAR"(a b)', "a AND", "AND a", "", " ", '""', '"" a', '"" AND a', 'a NOT ""'),
        *('"a', "a.b", "a-b", "src/a.py", "a@b.c", "a_b", "É", "a\0b", "a'b", "*", "a *", "a**", "+a", 'a + ""*'),
    ],
)
def test_a_query_of_the_manual_means_the_same(query: str) -> None:
    rows = [
        *(("a", "", ""), ("b a", "a", ""), ("a b c", "", ""), ("", "a x x b", "c"), ("ab", "b", "a"), ("e", "c", "b")),
        *(("a", "b", "c"), ("c b a", "a b", "a"), ("src a py", "a b c", ""), ("", "", "a b"), ("", "", "")),
    ]
    assert ours(rows, query) == fts5(rows, query)


def test_a_long_text_with_one_word_in_it_a_thousand_times_over_keeps_nobody_waiting() -> None:
    words = {"title": (), "body": ["a"] * 20_000 + ["x"] * 20 + ["b"], "tag": ()}
    begun = time.monotonic()
    assert not matches(parse_query("NEAR(a b)", COLUMNS), words)
    assert matches(parse_query("NEAR(a b, 20)", COLUMNS), words)
    assert time.monotonic() - begun < 2


def test_parentheses_without_end_are_refused_and_not_followed() -> None:
    with pytest.raises(QueryError, match="too many levels"):
        parse_query("(" * 100_000, COLUMNS)


@given(queries)
def test_a_query_that_the_index_cannot_answer_alone_says_so(query: str) -> None:
    try:
        lookup = to_lookup(parse_query(query, COLUMNS))
    except QueryError:
        return
    compared = any(mark in query for mark in ('"', ":", "^", "NEAR", "+", "_", "NOT"))
    assert compared or lookup is None or lookup.exact
