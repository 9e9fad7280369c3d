"""What a line in a start file of a shell is: a whole command, or a part of one. Pure."""

from __future__ import annotations

import re
import shlex

BLOCK = re.compile(r"(?:if|for|while|until|case|switch|function|begin)\b")
PART = re.compile(rf"{BLOCK.pattern}|(?:elif|else|fi|done|esac|end|then|do)\b|[{{}}]")
"""How a line of a shell begins that may be only a part of a command."""
CLOSES = re.compile(r"(?:\b(?:fi|done|esac|end)|\})$")
GOES_ON = re.compile(r"(?:\\|&&|\||[({]|\b(?:then|do|else|in))$")
PATHS = re.compile(r"\bPATH=|\bfpath=|\bfish_user_paths\b|\bfish_add_path\b")
OWN_VALUE = re.compile(r"\$\{?(?:PATH|fpath|fish_user_paths)")


def is_whole_command(line: str) -> bool:
    """Whether a shell does something sensible without the line: it is no part of a longer command."""
    bare = line.strip()
    try:
        shlex.split(bare, comments=True)
    except ValueError:
        # A quote or a backslash goes on in the next line.
        return False
    if PART.match(bare):
        return BLOCK.match(bare) is not None and CLOSES.search(bare.rstrip("; ")) is not None
    return not GOES_ON.search(bare)


def keeps_other_paths(line: str) -> bool:
    """Whether a line also puts other folders on the PATH."""
    if not PATHS.search(line):
        return False
    value = line.partition("=")[2] or line
    parts = [part.strip("\"' ();") for part in re.split(r"[:;]|\s+", value)]
    others = [part for part in parts if "/" in part and not OWN_VALUE.search(part)]
    return len(others) > 1
