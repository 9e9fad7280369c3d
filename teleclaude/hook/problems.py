"""What a person is told who runs `teleclaude hook`. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

USAGE = Problem("{reason}", "see teleclaude hook --help")
STILL_WAIT = Problem("{waiting} in {folder}: the daemon did not take all of them", "see teleclaude self-check")
