"""What the last page says of the handover: whose the sessions become, the new files, and what still leads back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from teleclaude.config.parse import parse_yaml
from teleclaude.migration.report import Belonging, FilePreview, Left, Report, SwitchOver

MOST_NAMES = 6


def print_rehearsed(report: Report, page: Console) -> None:
    """Print what a rehearsal would have made: the owner, the files, what is carried and left."""
    owner = report.header.get("owner")
    if owner:
        page.print(f"{owner['sessions']:,} sessions would belong to {owner['why']}", markup=False)
    for file in report.all(FilePreview):
        page.print(f"would write {file.path}: {', '.join(_names(file))}", markup=False, style="dim")
    fates = [belonging.fate for belonging in report.all(Belonging)]
    if fates:
        said = f"{fates.count('carried')} kinds of files would be carried, {fates.count('left')} left where they are"
        page.print(f"{said}; --json shows each, and the new files in full", style="dim")


def _names(file: FilePreview) -> Iterator[str]:
    """Yield the names at the top of a file, and of secrets those of the variables."""
    values = parse_yaml(file.content.encode(), Path(file.path))
    names = [*(values.get("environment") or {}), *(key for key in values if key != "environment")]
    shown = names if file.kind == "secrets" else list(values)
    yield from map(str, shown[:MOST_NAMES])
    if len(shown) > MOST_NAMES:
        yield f"{len(shown) - MOST_NAMES} more"


def print_switch_over(report: Report, page: Console) -> None:
    """Print what still leads to the old installation; the commands are in a file, but for a rehearsal's."""
    leads = [lead for lead in report.all(SwitchOver) if lead.needed]
    if not leads:
        return
    page.print("these still lead to the old installation; until they are changed, they write to it:", style="yellow")
    files = Counter((lead.kind, lead.path) for lead in leads)
    for (kind, path), places in list(files.items())[:MOST_NAMES]:
        page.print(f"  {kind}: {path}{f' ({places} places)' if places > 1 else ''}", style="yellow", markup=False)
    if len(files) > MOST_NAMES:
        page.print(f"  and {len(files) - MOST_NAMES} more files", style="yellow")
    if report.header.get("dry_run") or not report.ok:
        page.print("  → the commands that change them: --json, under switch_over", style="yellow")
    else:
        where = Path(report.header["folder"]) / "switch-over.sh"
        page.print(f"  → the commands that change them: {where}", style="yellow", markup=False, soft_wrap=True)


def print_left(report: Report, page: Console) -> None:
    """Print a few of the things that stay where they are."""
    left = report.all(Left)
    if left and report.ok:
        some = ", ".join(item.subject for item in left[:MOST_NAMES])
        more = f" and {len(left) - MOST_NAMES} more" if len(left) > MOST_NAMES else ""
        page.print(f"left where it is: {some}{more}; why: the report, under left", style="dim", markup=False)
