"""Decides from the words of its columns whether a row matches a query. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from teleclaude.db.search.query import Near, Phrase, Query, Term

_Words = Mapping[str, Sequence[str]]
"""The words of each column, in their order."""


def matches(query: Query, words: _Words) -> bool:
    """Say whether FTS5 would find a row with these words."""
    if isinstance(query, Near):
        columns = words if query.columns is None else query.columns
        return any(_is_near(query, words[column]) for column in columns)
    left = matches(query.left, words)
    if query.word == "OR":
        return left or matches(query.right, words)
    return left and matches(query.right, words) == (query.word == "AND")


def _is_near(near: Near, words: Sequence[str]) -> bool:
    found = [(len(phrase.terms), _find_phrase(phrase, words)) for phrase in near.phrases]
    if not all(starts for _, starts in found):
        return False
    # Every other phrase ends at most `distance` words before the phrase that starts last.
    lasts = {start for _, starts in found for start in starts}
    return bool(found) and any(
        all(_any_between(starts, last - length - near.distance, last) for length, starts in found) for last in lasts
    )


def _any_between(ascending: Sequence[int], first: int, last: int) -> bool:
    place = bisect_left(ascending, first)
    return place < len(ascending) and ascending[place] <= last


def _find_phrase(phrase: Phrase, words: Sequence[str]) -> list[int]:
    """Return the places where the phrase starts, in their order."""
    places = range(min(1, len(words)) if phrase.first else len(words))
    return [
        place
        for place in places
        if place + len(phrase.terms) <= len(words)
        and all(_is_term(term, words[place + offset]) for offset, term in enumerate(phrase.terms))
    ]


def _is_term(term: Term, word: str) -> bool:
    """Say whether a word is what the term asks for."""
    return word.startswith(term.word) if term.prefix else word == term.word
