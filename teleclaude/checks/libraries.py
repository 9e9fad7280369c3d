"""Judges what is installed beside the program. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Result, failure, passed

_INSTALL = "{sudo}bin/install-system.sh{below}"

BESIDE = failure("the program's environment has what its lock does not name: {names}", _INSTALL)
LACKING = failure("the program's environment lacks what its lock names: {names}", _INSTALL)


def judge(facts: Facts) -> Result:
    """The program's environment has the libraries that its lock names, and nothing beside them."""
    if facts.libraries is None:
        return passed("libraries", "this program was not installed by bin/install-system.sh")
    installed, locked = facts.libraries.installed, facts.libraries.locked
    for fault, names in ((BESIDE, installed - locked), (LACKING, locked - installed)):
        if names:
            return fault.found("libraries", facts.setting.words, names=", ".join(sorted(names)))
    return passed("libraries", f"{len(locked)} libraries are installed, as the lock says, and nothing else")
