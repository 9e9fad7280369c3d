"""Progress while a migration runs: a bar on a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from teleclaude import interrupt
from teleclaude.db.url import display_url
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, Finding, Forecast, Progress, Severity, TableResult
from teleclaude.migration.source.options import Recovery
from teleclaude.migration.state.journal import Interrupted
from teleclaude.migration.state.run_state import Observer
from teleclaude.printable import count, printable

_T = TypeVar("_T")

_SECONDS_BETWEEN_LINES = 5.0

STYLES = {Severity.NOTE: "dim", Severity.WARNING: "yellow", Severity.ERROR: "bold red"}


def _to_words(seconds: float) -> str:
    """Return a time in seconds for people."""
    return f"{max(round(seconds), 1)} s" if seconds < 90 else f"{round(seconds / 60)} min"


class Screen(Observer):
    """Shows steps, tables and findings when they come; a quiet one shows only what needs attention."""

    def __init__(self, *, may_ask: bool, agreed: bool, with_findings: bool = False, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.may_ask = may_ask
        self.agreed = agreed
        self.with_findings = with_findings
        self.quiet = quiet
        columns = (
            TextColumn("  {task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[more]}"),
        )
        self.bars = Bars(*columns, console=self.console, transient=True, disable=quiet or not self.console.is_terminal)
        self.bar = self.bars.add_task("", total=None, visible=False, more="")
        self.said_at = time.monotonic()

    def say(self, line: str, style: str = "") -> None:
        """Print a line as it is: without markup, and with control characters written out."""
        self.console.print(printable(line), style=style, markup=False, soft_wrap=True)

    def step(self, name: str) -> None:
        """Name the step."""
        self.bars.update(self.bar, visible=False, refresh=True)
        if not self.quiet:
            self.say(f"▸ {name.replace('_', ' ')}", "bold")

    def undoing(self, name: str) -> None:
        """Name the step that is undone."""
        self.bars.update(self.bar, visible=False, refresh=True)
        self.say(f"◂ undoing: {name.replace('_', ' ')}", "bold yellow")

    def event(self, event: Event) -> None:
        """Show what a step yields."""
        if self.with_findings and isinstance(event, Finding) and event.severity is not Severity.NOTE:
            self._show(event)
        elif not self.quiet:
            self._advance(event)

    def _show(self, finding: Finding) -> None:
        self.say(f"  {finding.severity}: {finding.subject}: {finding.problem.message}", STYLES[finding.severity])
        if finding.problem.hint:
            self.say(f"    → {finding.problem.hint}", STYLES[finding.severity])

    def _advance(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Forecast):
            size, on_disk = (decimal(round(each * 1e6)) for each in (event.megabytes, event.disk_megabytes))
            self.say(f"  {count(event.rows, 'row')}, {size}, about {on_disk} on the disk of the database", "dim")
        elif isinstance(event, TableResult):
            rows, values = count(event.target_rows, "row"), count(event.values_compared, "value")
            self.say(f"  {event.name}: {rows}, {values} compared", "dim")

    def _progress(self, event: Progress) -> None:
        """Move the bar; where there is none, say a line now and then."""
        size = (decimal(event.size),) if event.size else ()
        left = () if event.left is None else (f"about {_to_words(event.left)} left",)
        more = ", ".join((*size, *left))
        named = printable(event.subject)
        self.bars.update(self.bar, description=named, completed=event.done, total=event.total, more=more, visible=True)
        # The first line of a part comes at once, because some parts report nothing before their end.
        due = not event.done or time.monotonic() > self.said_at + _SECONDS_BETWEEN_LINES
        if due and not self.console.is_terminal:
            self.said_at = time.monotonic()
            self.say(f"  {', '.join((f'{event.subject}: {event.done} of {event.total}', *size, *left))}")

    def consents(self, plan: Plan) -> bool:
        """Ask on a terminal; elsewhere only `--yes` is consent."""
        if self.agreed or not self.may_ask:
            return self.agreed
        rows = count(sum(table.rows for table in plan.tables), "row")
        target = display_url(plan.url) if plan.url else "nothing"
        self.say(f"  {plan.inventory.database.path if plan.inventory.database else ''} ({rows}) → {target}")
        if plan.owner is not None:
            self.say(f"  every session will belong to {plan.owner.why}")
        for finding in plan.findings:
            if finding.subject == "owner":
                self._show(finding)
        return self._ask(lambda: click.confirm("  Migrate?", err=True), otherwise=False)

    def decides(self, interrupted: Interrupted) -> Recovery | None:
        """Ask on a terminal whether to finish or to undo a run that was cut off."""
        if not self.may_ask:
            return None
        self.say(f"  {interrupted.problem.message}")
        choices = click.Choice([choice.value for choice in Recovery])
        question = "  Finish it, or take it back?"
        return self._ask(lambda: Recovery(click.prompt(question, type=choices, err=True)), otherwise=None)

    def _ask(self, question: Callable[[], _T], otherwise: _T) -> _T:
        """Ask; a signal ends the question at once, although the work that asks is cancelled by it elsewhere."""
        self.bars.stop()
        try:
            with interrupt.raising():
                return question()
        except click.Abort:
            return otherwise
        except interrupt.Interrupted:
            raise asyncio.CancelledError from None
        finally:
            self.bars.start()
