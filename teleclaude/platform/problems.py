"""Why the service manager says nothing: the messages of this package."""

from __future__ import annotations

from teleclaude.errors import Problem

NO_PROGRAM = Problem("there is no {program} here", "run this on the computer where the service runs")
NO_ANSWER = Problem("systemd does not answer: {reason}", "run this on the computer where the service runs")
