"""Text in a form that a terminal only shows, and numbers with what they count. Pure."""

from __future__ import annotations

import re
import unicodedata

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
    return f"\\x{_number(found[0]):02x}"


def _number(character: str) -> int:
    number = ord(character)
    return number & 0xFF if 0xDC80 <= number <= 0xDCFF else number


def is_printable(said: str) -> bool:
    """Whether a line holds no character that `printable` would replace."""
    return _OBEYED.search(said) is None


_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""The categories of control characters, of characters that only change how others are shown, and of ends of lines."""


_NO_WIDTH = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""The other characters that are not shown: fillers and variation selectors (Unicode, Default_Ignorable_Code_Point)."""


def _is_seen(character: str) -> bool:
    # Of the bytes that are not UTF-8 these control a terminal that reads Latin-1 or overlong forms.
    is_byte = "\udc80" <= character <= "\udc9f"
    return unicodedata.category(character) not in _UNSEEN and not is_byte and not _NO_WIDTH.match(character)


def shows_all(text: str) -> bool:
    """Whether a reader of a script sees every character of a text; `printable` lets those pass that people write."""
    return all(map(_is_seen, text))


def seen(text: str, form: str = "\\x{0:02x}") -> str:
    """Return a text in which each character that a reader would not see is written in a form, as `\\xNN`."""
    return "".join(each if _is_seen(each) else form.format(_number(each)) for each in text)


def count(number: int, one: str, more: str = "") -> str:
    """Return a number with what it counts; `more` is the plural where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
