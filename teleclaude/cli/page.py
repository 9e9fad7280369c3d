"""The last page of a migration: one screen. Everything else is in the report."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from teleclaude.cli.screen import STYLES
from teleclaude.config.parse import parse_yaml
from teleclaude.errors import Exit
from teleclaude.migration.report import summary
from teleclaude.migration.report.events import Severity
from teleclaude.migration.report.report import Report
from teleclaude.migration.state.run_state import PAGE_NAME
from teleclaude.printable import count, printable

_SIGNS = {Severity.NOTE: "·", Severity.WARNING: "!", Severity.ERROR: "✗"}

MOST_TABLES = 3
MOST_ATTENTION = 4
_MOST_NAMES = 6

_Line = tuple[str, str]
"""A line of the page, and its style."""


def print_page(report: Report, console: Console | None = None, *, quiet: bool = False) -> None:
    """Print what was moved and verified, what needs attention, where the report is, how to go on, and how to go back.

    A quiet page leaves out what went well, and how to go on or back after a success.
    """
    print_report(report.to_json(), console or Console(stderr=not report.ok, highlight=False), quiet=quiet)


def print_report(
    said: Mapping[str, Any], page: Console, *, quiet: bool = False, whole: bool = False, every_table: bool = False
) -> None:
    """Print the page of a report; the `whole` one has everything that needs attention, with the query of its rows."""
    if said["tables"] and summary.is_kept(said) and not quiet:
        page.print(_show_tables(said["tables"], len(said["tables"]) if every_table else MOST_TABLES), "")
    for line, style in (*_tell(said, page.width, quiet=quiet, whole=whole), *_describe_commands(said, quiet=quiet)):
        # A folded path or command cannot be copied, but a picture must fold. Output that is no terminal's may be
        # searched, so its lines stay whole.
        folds = page.record or (page.is_terminal and "/" not in line)
        page.print(printable(line), style=style, markup=False, soft_wrap=not folds)


def save_picture(report: Report, path: Path) -> None:
    """Save the page as an SVG picture."""
    console = Console(record=True, width=110, file=io.StringIO(), highlight=False, force_terminal=True)
    print_page(report, console)
    picture = console.export_svg(title="teleclaude migrate-to-system")
    # Without the fonts, which it would fetch from the network.
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL), encoding="utf-8")


def _show_tables(tables: list[dict[str, Any]], most: int) -> Table:
    """Return the `most` largest tables, and the rest as one."""
    numbers = ("source_rows", "target_rows", "values_compared", "converted")
    shown = Table(box=None, pad_edge=False)
    shown.add_column("table", no_wrap=True)
    for name in ("source", "target", "compared", "ledger", "seconds"):
        shown.add_column(name, justify="right")
    for name, some in summary.find_largest(tables, most):
        counts = (f"{summary.total(some, number):,}" for number in numbers)
        shown.add_row(Text(printable(name)), *counts, f"{summary.total(some, 'seconds'):.2f}")
    return shown


def _tell(report: Mapping[str, Any], width: int, *, quiet: bool, whole: bool) -> Iterator[_Line]:
    if not quiet:
        for verified in summary.find_verified(report):
            yield f"✓ {verified}", "green"
        for line in (*summary.describe_idle(report), *_describe_files(report)):
            yield line, "dim"
    failure = report["failure"]
    found = summary.find_attention(report)
    # A run that failed shows everything that must be fixed.
    yield from _tell_attention(found, len(found) if failure or whole else MOST_ATTENTION, width, with_queries=whole)
    partial = report["load_rehearsed"] is False
    if failure or partial or not quiet:
        yield "", ""
        style = "bold red" if failure else "bold yellow" if partial else "bold green"
        yield ". ".join(filter(None, (summary.verdict(report), summary.outcome(report)))), style
    if failure:
        yield f"  → {failure['hint']}", "red"
    yield from _tell_places(report, whole=whole)


def _describe_files(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was written and what was left, or of a rehearsal what would be; nothing of a run that failed."""
    if report["failure"]:
        return
    if report["dry_run"]:
        yield from _describe_rehearsed(report)
    elif report["files"]:
        files, docs = count(len(report["files"]), "file"), count(len(report["docs"]), "shared snippet")
        left = count(len(report["left"]), "item")
        changed = summary.total(report["docs"], "references")
        links = f", {count(changed, 'reference')} changed" if changed else ""
        yield f"{files} and {docs} written{links}, {left} left in place; see the report"


def _describe_rehearsed(report: Mapping[str, Any]) -> Iterator[str]:
    owner = report["owner"]
    if owner:
        yield f"{count(owner['sessions'], 'session')} would belong to {owner['why']}"
    for file in report["preview"]:
        yield f"would write {file['path']}: {', '.join(_names(file))}"
    outcomes = [old_file["outcome"] for old_file in report["installation"]]
    if outcomes:
        yield f"kinds of files: {outcomes.count('moved')} would be moved, {outcomes.count('left')} left in place"


def _names(file: dict[str, str]) -> Iterator[str]:
    """Yield the first names at the top level of a file; of the secrets those of the variables come first."""
    values = parse_yaml(file["content"].encode(), Path(file["path"]))
    names = [*(values.get("environment") or {}), *(key for key in values if key != "environment")]
    shown = names if file["kind"] == "secrets" else list(values)
    yield from map(str, shown[:_MOST_NAMES])
    if len(shown) > _MOST_NAMES:
        yield f"{len(shown) - _MOST_NAMES} more"


def _tell_attention(
    found: tuple[summary.Attention, ...], most: int, width: int, *, with_queries: bool
) -> Iterator[_Line]:
    for attention in found[:most]:
        style = STYLES[attention.severity]
        message, hint = f"{_SIGNS[attention.severity]} {attention.problem.message}", f"→ {attention.problem.hint}"
        if len(message) + len(hint) < width:
            yield f"{message} {hint}", style
        else:
            yield message, style
            yield f"  {hint}", style
        if with_queries and attention.query:
            yield f"    {attention.query}", ""
    if len(found) > most:
        yield f"! and {len(found) - most} more, in the report", "yellow"


def _tell_places(report: Mapping[str, Any], *, whole: bool) -> Iterator[_Line]:
    """Yield where the report is; a refusal keeps none, and a rehearsal keeps one only with --report-dir."""
    page = Path(report["folder"]) / PAGE_NAME
    # Only root can look into the folders of the runs.
    if os.access(page, os.F_OK):
        yield f"report: {page}", ""
        if not whole:
            yield f"as text: {summary.to_command(report)}", ""
        if report["ledger"]:
            yield f"ledger: {report['ledger']['path']}", ""
    else:
        may_keep = report["dry_run"] and not report["folder_kept"] and report["exit_code"] != Exit.REFUSED
        yield f"report: --json prints it{', --report-dir DIR keeps it' if may_keep else ''}", ""


def _describe_commands(report: Mapping[str, Any], *, quiet: bool) -> Iterator[_Line]:
    """Yield the commands that go on, and those that go back; the long ones of step 1 are in rollback.txt alone."""
    undo = report["undo"]
    if report["next"] and not quiet:
        yield "What comes next:", "bold"
        yield from _to_shell(report["next"])
    if undo and report["failure"]:
        yield "To finish what could not be undone:", "bold"
        yield from _to_shell(undo)
    elif undo and not quiet:
        yield f"To go back: {Path(report['folder']) / 'rollback.txt'}", "bold"
        yield "  # 1. See what you would lose: run the first commands of that file.", "dim"
        yield from _to_shell(undo[next(place for place, line in enumerate(undo) if line.startswith("# 2.")) :])


def _to_shell(lines: Iterable[str]) -> Iterator[_Line]:
    for line in lines:
        yield f"  {line}", "dim" if line.startswith("#") else ""
