"""What outside the old installation still leads to it; nothing of it is ever changed."""

from __future__ import annotations

from teleclaude.errors import SourceError
from teleclaude.migration.deputy import Deputy
from teleclaude.migration.detect.crontabs import find_crontabs
from teleclaude.migration.detect.hooks import find_hooks
from teleclaude.migration.detect.installation import Places
from teleclaude.migration.detect.mentions import Mentions
from teleclaude.migration.detect.shells import find_shells
from teleclaude.migration.events import Finding, warning
from teleclaude.migration.inventory import Pointer

Found = tuple[tuple[Pointer, ...], tuple[Finding, ...]]


def find_pointers(deputy: Deputy, places: Places, mentions: Mentions) -> Found:
    """Return what leads to the old installation, and a warning for each place that could not be looked at."""
    found = [
        *find_crontabs(mentions),
        *find_hooks(deputy, places, mentions),
        *find_shells(deputy, places, mentions),
    ]
    wrong = [warning("switch-over", each.message, each.hint) for each in found if isinstance(each, SourceError)]
    return tuple(each for each in found if isinstance(each, Pointer)), tuple(wrong)
