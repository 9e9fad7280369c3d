"""What the last page says of the handover: files, and of a rehearsal whose the sessions would become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from teleclaude.config.parse import parse_yaml

MOST_NAMES = 6


def describe_handover(report: dict[str, Any]) -> Iterator[str]:
    """Yield what was written and what stays, or of a rehearsal what would be; of a run that failed nothing."""
    if report["failure"]:
        return
    if report["dry_run"]:
        yield from _describe_rehearsed(report)
    elif report["files"]:
        written = f"{len(report['files'])} files and {len(report['docs'])} shared snippets written"
        yield f"{written}, {len(report['left'])} things left where they are; the report names them"


def _describe_rehearsed(report: dict[str, Any]) -> Iterator[str]:
    owner = report["owner"]
    if owner:
        yield f"{owner['sessions']:,} sessions would belong to {owner['why']}"
    for file in report["preview"]:
        yield f"would write {file['path']}: {', '.join(_names(file))}"
    fates = [belonging["fate"] for belonging in report["installation"]]
    if fates:
        yield f"{fates.count('carried')} kinds of files would be carried, {fates.count('left')} left where they are"


def _names(file: dict[str, str]) -> Iterator[str]:
    """Yield the names at the top of a file, and of secrets those of the variables."""
    values = parse_yaml(file["content"].encode(), Path(file["path"]))
    names = [*(values.get("environment") or {}), *(key for key in values if key != "environment")]
    shown = names if file["kind"] == "secrets" else list(values)
    yield from map(str, shown[:MOST_NAMES])
    if len(shown) > MOST_NAMES:
        yield f"{len(shown) - MOST_NAMES} more"
