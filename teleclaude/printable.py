"""Text of others in a form that a terminal only shows. Pure."""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, ends of lines and paragraphs, changes of the direction of a text, halves of surrogate pairs.

The characters that join the parts of an emoji or of a word are not among them.
"""


def printable(said: object) -> str:
    """Return a line for people, in which characters that a terminal obeys are written as `\\xNN`.

    So are the bytes of a path that is not UTF-8, which Python keeps as halves of surrogate pairs (PEP 383).
    """
    return _OBEYED.sub(_write_out, str(said))


def _write_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number & 0xFF if 0xDC80 <= number <= 0xDCFF else number:02x}"


def is_printable(said: str) -> bool:
    """Whether a line holds no character that `printable` would replace."""
    return _OBEYED.search(said) is None
