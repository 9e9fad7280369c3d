"""What is said of the new configuration where it cannot be made."""

from __future__ import annotations

from teleclaude.errors import Problem

NO_CONFIGURATION = Problem("the configuration in {checkout} cannot be read", "fix what is listed")
NO_LIST = Problem("experiments in {path} is not a list", "write it as a list in {path}")
