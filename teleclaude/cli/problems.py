"""What the commands themselves refuse, and a bug. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

BUG = Problem("a bug: {name}", "please report it with {file}")
CANNOT_MAKE_FOLDER = Problem("{path} cannot be made: {reason}", "use another --output-dir")
