"""The part of a query that PostgreSQL answers from its index: every row that matches, and often no other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from teleclaude.db.search.query import Near, Query, Term

BEYOND = "+"
"""The one lexeme of a row that is beyond the limits of a tsvector (`search_long_vector` of the schema)."""

_LONGEST_LEXEME = 500
"""In characters: a longer word is found by its beginning (`search_long_vector` of the schema)."""


@dataclass(frozen=True)
class Lookup:
    """A tsquery; where it is not exact, each row that it finds must be compared with the query."""

    tsquery: str
    exact: bool


def to_lookup(query: Query) -> Lookup | None:
    """Return the question to the index, None where no row can be found."""
    if isinstance(query, Near):
        return _near(query)
    left, right = to_lookup(query.left), to_lookup(query.right)
    if query.word == "NOT":
        # The index may know a word on the right by a spelling in which the row does not have the word on the left.
        return None if left is None else Lookup(left.tsquery, exact=False)
    if left is None or right is None:
        return left or right if query.word == "OR" else None
    operator = "|" if query.word == "OR" else "&"
    return Lookup(f"({left.tsquery} {operator} {right.tsquery})", left.exact and right.exact)


def _near(near: Near) -> Lookup | None:
    terms = [term for phrase in near.phrases for term in phrase.terms]
    if not terms or near.columns == frozenset():
        return None
    alone = len(terms) == 1 and near.columns is None and not near.phrases[0].first
    exact = alone and all(len(term.word) < _LONGEST_LEXEME for term in terms)
    return Lookup(f"({' & '.join(map(_lexeme, terms))})", exact)


def _lexeme(term: Term) -> str:
    # The words of the index are cut at this length; a letter needs no escape between quotes.
    if len(term.word) > _LONGEST_LEXEME:
        return f"'{term.word[:_LONGEST_LEXEME]}'"
    return f"'{term.word}'" + (":*" if term.prefix else "")
