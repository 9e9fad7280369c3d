"""The query language of SQLite's full-text index, read as FTS5 reads it (SQLite manual, FTS5, section 3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from teleclaude.db.unicode61 import split_words

_DEEPEST = 50
"""How many levels of parentheses may be nested; the parser of FTS5 has a limit too."""

_NEAR_DISTANCE = 10

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"]|"")*")|(?P<word>[A-Za-z0-9_\x1a\u0080-\U0010ffff]+)|(?P<mark>[(){}:,+*^-])'
    r"|[ \t\n\r]+|(?P<wrong>.)",
    re.DOTALL,
)
_NO_STRINGS = frozenset({"AND", "OR", "NOT", *"(){}:,+*^-"})


class QueryError(ValueError):
    """A query that FTS5 refuses; the search then looks for its literal text."""


@dataclass(frozen=True)
class Term:
    """One word, or the beginning of one."""

    word: str
    prefix: bool = False


@dataclass(frozen=True)
class Phrase:
    """Words that follow each other; `first` asks that a column begins with them."""

    terms: tuple[Term, ...]
    first: bool = False


@dataclass(frozen=True)
class Near:
    """Phrases with at most `distance` words between them, in one of `columns`; None means all columns."""

    phrases: tuple[Phrase, ...]
    distance: int = _NEAR_DISTANCE
    columns: frozenset[str] | None = None


@dataclass(frozen=True)
class Joined:
    """Two queries: both are found (AND), at least one is (OR), or the left one alone (NOT)."""

    word: str
    left: Query
    right: Query


Query = Near | Joined
"""What a query means. A `Near` without phrases finds nothing."""

_JOINING = ("OR", "AND", "NOT")
"""What joins two queries; the first binds least."""


def parse_query(text: str, columns: tuple[str, ...]) -> Query:
    """Return what the query asks of a table with `columns`.

    Raises QueryError where FTS5 reports a syntax error or an unknown column.
    """
    parser = _Parser(_read_tokens(text.partition("\0")[0]), columns)
    query = parser.binary(0)
    if parser.peek() is not None:
        raise QueryError(f"syntax error near {parser.peek()!r}")
    return query


def _read_tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if match["wrong"] is not None:
            raise QueryError(f"syntax error near {match['wrong']!r}")
        if match.lastgroup is not None:
            yield match[0]


class _Parser:
    """Recursive descent: OR binds least, then AND, then NOT; words side by side bind most."""

    def __init__(self, tokens: Iterator[str], columns: tuple[str, ...]) -> None:
        self.tokens = list(tokens)
        self.place = 0
        self.columns = columns

    def peek(self, ahead: int = 0) -> str | None:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def next(self, wanted: str | None = None) -> str:
        token = self.peek()
        if token is None or wanted not in (None, token):
            raise QueryError(f"syntax error near {token or ''!r}")
        self.place += 1
        return token

    def accept(self, token: str) -> bool:
        found = self.peek() == token
        self.place += found
        return found

    def at_string(self) -> bool:
        found = self.peek()
        return found is not None and found not in _NO_STRINGS

    def string(self) -> str:
        if not self.at_string():
            raise QueryError(f"syntax error near {self.peek() or ''!r}")
        found = self.next()
        return found[1:-1].replace('""', '"') if found[0] == '"' else found

    def binary(self, depth: int, level: int = 0) -> Query:
        if level == len(_JOINING):
            return self.group(depth)
        left = self.binary(depth, level + 1)
        while self.accept(_JOINING[level]):
            left = Joined(_JOINING[level], left, self.binary(depth, level + 1))
        return left

    def group(self, depth: int) -> Query:
        if depth > _DEEPEST:
            raise QueryError("too many levels of parentheses")
        start = self.place
        columns = self.column_filter()
        if self.accept("("):
            inner = self.binary(depth + 1)
            self.next(")")
            return inner if columns is None else _restrict(inner, columns)
        self.place = start
        return self.side_by_side()

    def side_by_side(self) -> Query:
        found: Query = self.near_in_columns()
        while self.at_string() or self.peek() in ("^", "{", "-"):
            right = self.near_in_columns()
            # A part without a word is ignored here; alone it would find no row.
            if right.phrases:
                found = right if isinstance(found, Near) and not found.phrases else Joined("AND", found, right)
        return found

    def near_in_columns(self) -> Near:
        columns = self.column_filter()
        near = self.near()
        return near if columns is None else replace(near, columns=columns)

    def column_filter(self) -> frozenset[str] | None:
        start = self.place
        inverted = self.accept("-")
        if self.accept("{"):
            names = [self.string()]
            while not self.accept("}"):
                names.append(self.string())
        elif self.at_string() and (inverted or self.peek(1) == ":"):
            names = [self.string()]
        elif inverted:
            raise QueryError("syntax error near '-'")
        else:
            self.place = start
            return None
        self.next(":")
        chosen = frozenset(self.find_column(name) for name in names)
        return frozenset(self.columns) - chosen if inverted else chosen

    def find_column(self, name: str) -> str:
        for column in self.columns:
            if column.lower() == name.lower():
                return column
        raise QueryError(f"unknown column: {name}")

    def near(self) -> Near:
        first = self.accept("^")
        if first or self.peek(1) != "(":
            phrase = replace(self.phrase(), first=first)
            return Near((phrase,) if phrase.terms else ())
        self.next("NEAR")
        self.next("(")
        phrases = [self.phrase()]
        while self.at_string():
            phrases.append(self.phrase())
        distance = self.distance() if self.accept(",") else _NEAR_DISTANCE
        self.next(")")
        return Near(tuple(phrase for phrase in phrases if phrase.terms), distance)

    def distance(self) -> int:
        token = self.peek() or ""
        if not re.fullmatch("[0-9]+", token):
            raise QueryError(f"expected integer, got {token!r}")
        return int(self.next())

    def phrase(self) -> Phrase:
        terms: list[Term] = []
        while True:
            terms += [Term(word) for word in split_words(self.string())]
            prefix = self.accept("*")
            if terms:
                terms[-1] = replace(terms[-1], prefix=prefix)
            if not self.accept("+"):
                return Phrase(tuple(terms))


def _restrict(query: Query, columns: frozenset[str]) -> Query:
    """Return the query asked of `columns` only."""
    if isinstance(query, Near):
        return replace(query, columns=columns if query.columns is None else query.columns & columns)
    return replace(query, left=_restrict(query.left, columns), right=_restrict(query.right, columns))


def find_terms(query: Query) -> Iterator[Term]:
    """Yield every term of a query."""
    if isinstance(query, Near):
        yield from (term for phrase in query.phrases for term in phrase.terms)
    else:
        yield from find_terms(query.left)
        yield from find_terms(query.right)
