"""The last page of a migration, for people."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.table import Table

from teleclaude.cli.handover import print_left, print_rehearsed, print_switch_over
from teleclaude.migration.options import Recovery
from teleclaude.migration.report import (
    ConstraintResult,
    FileResult,
    Finding,
    LedgerResult,
    ProbeResult,
    Report,
    Severity,
    SourceFileResult,
    TableResult,
)

STYLES = {Severity.NOTE: "dim", Severity.WARNING: "yellow", Severity.ERROR: "bold red"}


def print_page(report: Report, console: Console | None = None) -> None:
    """Print what moved, what was proved, what needs attention, and how to go back."""
    page = console or Console(stderr=not report.ok, highlight=False)
    if report.all(TableResult):
        page.print(_tables(report))
    _print_proof(report, page)
    _print_attention(report, page)
    print_switch_over(report, page)
    if report.header.get("dry_run"):
        print_rehearsed(report, page)
    _print_verdict(report, page)
    if report.undo:
        title = "To go back:" if report.ok else "To finish what could not be taken back:"
        page.print(title, style="bold")
        for line in report.undo:
            page.print(
                f"  {line}", markup=False, soft_wrap=not page.record, style="dim" if line.startswith("#") else ""
            )


def save_picture(report: Report, path: Path) -> None:
    """Save the page as an SVG picture."""
    console = Console(record=True, width=110, file=io.StringIO(), highlight=False, force_terminal=True)
    print_page(report, console)
    picture = console.export_svg(title="teleclaude migrate-to-system")
    # Without the fonts that it would fetch from elsewhere.
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL), encoding="utf-8")


def _tables(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("table", no_wrap=True)
    for name in ("source", "target", "compared", "ledger", "seconds"):
        table.add_column(name, justify="right")
    for result in report.all(TableResult):
        table.add_row(
            result.name,
            f"{result.source_rows:,}",
            f"{result.target_rows:,}",
            f"{result.values_compared:,}",
            f"{result.coerced:,}" if result.coerced else "",
            f"{result.seconds:.2f}",
        )
    return table


def _print_proof(report: Report, page: Console) -> None:
    results = report.all(TableResult)
    if results:
        rows, values = sum(r.target_rows for r in results), sum(r.values_compared for r in results)
        listed = sum(result.coerced for result in results)
        but = f", but for the {listed:,} that the ledger lists" if listed else ""
        page.print(
            f"\n{rows:,} rows in {len(results)} tables; {values:,} values read back, all equal{but}", style="green"
        )
    for probe in report.all(ProbeResult):
        style = "green" if probe.ok else "bold red"
        page.print(
            f"the daemon booted on it and lists {probe.sessions_listed} sessions; {probe.searches} searches compared",
            style=style,
        )
    files = report.all(SourceFileResult)
    if files and all(file.sha256_before == file.sha256_after for file in files):
        page.print(f"{len(files)} files of the old installation are what they were", style="green")
    for file in report.all(FileResult):
        if file.kind != "docs":
            page.print(f"{file.path}  {file.mode}  {file.owner}", markup=False, style="dim")
    docs = [file for file in report.all(FileResult) if file.kind == "docs"]
    if docs:
        page.print(f"{len(docs)} shared snippets published", style="dim")


def _print_attention(report: Report, page: Console) -> None:
    for finding in report.all(Finding):
        page.print(
            f"{finding.severity}: {finding.subject}: {finding.message}", style=STYLES[finding.severity], markup=False
        )
        if finding.hint:
            page.print(f"  → {finding.hint}", style=STYLES[finding.severity], markup=False)
    for constraint in report.all(ConstraintResult):
        page.print(f"{constraint.name} is {constraint.state}: {constraint.rows} rows break it", style="yellow")
        page.print(f"  → {constraint.query}", style="dim", markup=False, soft_wrap=not page.record)
    for ledger in report.all(LedgerResult):
        if ledger.entries:
            page.print(
                f"{ledger.entries} values could not be carried as they were; each is in {ledger.path}", style="yellow"
            )
    print_left(report, page)


def _print_verdict(report: Report, page: Console) -> None:
    if report.failure is not None:
        page.print(f"\n{report.failure.message}", style="bold red", markup=False)
        page.print(f"  → {report.failure.hint}", style="red", markup=False)
    elif report.header.get("recovery") == Recovery.UNDO:
        page.print("\nTaken back: the target is empty again, and nothing is published.\n", style="bold green")
    elif report.header.get("dry_run"):
        page.print("\nThe rehearsal went well; nothing was kept.\n", style="bold green")
    else:
        page.print("\nDone and proved.\n", style="bold green")
