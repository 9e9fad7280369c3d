"""Words as SQLite's full-text index splits and folds them (SQLite manual, FTS5, section 4.3.1, "Unicode61 Tokenizer").

The default there: letters, digits and private characters make words; everything else separates them; case and most
diacritics do not count. The tables are data beside this module; a test compares them with SQLite for every
character.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files

_TABLES: dict[str, str] = json.loads(files(__package__).joinpath("unicode61.json").read_text(encoding="utf-8"))


def _to_class(ranges: str) -> str:
    """Return the inside of a bracket expression, in the escapes that Python and PostgreSQL share."""
    pairs = (pair.split("-") for pair in ranges.split())
    return "".join("-".join(f"\\U{int(end, 16):08x}" for end in pair) for pair in pairs)


SEPARATORS = r"\x01-\x1f\x21-\x2f\x3a-\x60\x7b-\x7f" + _to_class(_TABLES["separators"])
"""The characters between words in folded text, without the space, as the inside of a bracket expression."""

MARKS = _to_class(_TABLES["marks"])
"""Combining diacritics, which are skipped, as the inside of a bracket expression."""

UNFOLDED, FOLDED = _TABLES["from"], _TABLES["to"]
"""Characters beyond ASCII that are folded, and the character that each becomes."""

_FOLD = str.maketrans(UNFOLDED, FOLDED)
_MARKS = re.compile(f"[{MARKS}]")
_SEPARATORS = re.compile(f"[\\x00 {SEPARATORS}]+")
_UPPER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a text, folded, in their order."""
    folded = _MARKS.sub("", text).translate(_FOLD).translate(_UPPER)
    return tuple(word for word in _SEPARATORS.split(folded) if word)
