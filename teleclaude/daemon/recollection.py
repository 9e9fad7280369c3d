"""The memory of a project as the page of Markdown that an agent reads when its session starts (facts: hooks). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from teleclaude.db.models import MemoryObservation, MemorySummary

OBSERVATIONS, SUMMARIES = 50, 5
"""How many are told at most, the newest."""

_TITLE_LENGTH = 60

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))

OBSERVED = (
    MemoryObservation.id,
    MemoryObservation.type,
    MemoryObservation.title,
    MemoryObservation.created_at,
)
SUMMARIZED = (MemorySummary.request, MemorySummary.learned, MemorySummary.next_steps, MemorySummary.created_at)
"""What is told of each."""

_Row = RowMapping | Mapping[str, Any]

_PARTS = {"request": "Request", "learned": "Learned", "next_steps": "Next steps"}


def make_page(project: str, observations: Sequence[_Row], summaries: Sequence[_Row], now: datetime) -> str:
    """Return the page; of a project of which nothing is known it is empty."""
    if not observations and not summaries:
        return ""
    lines = [f"# Memory of {_line(project)}", *_tell(observations, now)]
    for summary in summaries:
        made = summary["created_at"]
        told = {label: _line(summary[column] or "") for column, label in _PARTS.items()}
        lines += ["", f"## Session, {_ago(made, now)}", ""]
        lines += [f"- {label}: {text}" for label, text in told.items() if text]
    return "".join(f"{line}\n" for line in lines)


def _tell(observations: Sequence[_Row], now: datetime) -> Iterator[str]:
    if observations:
        yield from ("", "## Observations", "")
    for each in observations:
        title = _line(each["title"] or "")
        cut = title if len(title) <= _TITLE_LENGTH else f"{title[: _TITLE_LENGTH - 1]}…"
        yield f"- #{each['id']} {each['type']}: {cut} ({_ago(each['created_at'], now)})"


def _line(text: str) -> str:
    """Return a text as one line, so that it is no heading of the page."""
    return " ".join(text.split())


def _ago(moment: datetime, now: datetime) -> str:
    passed = (now - moment).total_seconds()
    for seconds, unit in _UNITS:
        if (number := int(passed // seconds)) >= 1:
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"
