"""What a person is told who runs `teleclaude hook`. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

USAGE = Problem("{reason}", "see teleclaude hook --help")
_BY_HAND = "edit the file yourself, or repair it and run this again"
UNREADABLE = Problem("{path} cannot be read: {reason}", _BY_HAND)
UNWRITABLE = Problem("{path} cannot be written: {reason}", "make room or fix the permissions there, and run this again")
NOT_OUR_FILE = Problem("{path} does not lead to a regular file of yours", _BY_HAND)
LEFT_ALONE = Problem("{path} is left as it is: {reason}", _BY_HAND)
CHANGED_MEANWHILE = Problem("{path} was changed by another program just now", "end the agent, and run this again")
STILL_WAIT = Problem("{waiting} in {folder}: the daemon did not take all of them", "see teleclaude self-check")
