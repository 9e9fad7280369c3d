"""What others wrote, so that a terminal only shows it. Pure."""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, ends of lines and of paragraphs, what turns the direction of a text, halves of surrogate pairs.

What joins the parts of an emoji or of a word is none of them.
"""


def printable(said: object) -> str:
    """Return a line for people, with what would work on a terminal, or end a comment, written out."""
    return _OBEYED.sub(lambda found: f"\\x{ord(found[0]):02x}", str(said))


def is_printable(said: str) -> bool:
    """Whether a line holds nothing that `printable` would write out."""
    return _OBEYED.search(said) is None
