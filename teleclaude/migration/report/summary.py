"""What a report says in short, the same on the last page and in report.html: verdict, verified, attention. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teleclaude.errors import Exit, Problem
from teleclaude.migration.report import problems
from teleclaude.migration.report.events import Severity
from teleclaude.printable import count


@dataclass(frozen=True)
class Attention:
    """Something that a person should look at; `query` lists the rows that it is about."""

    severity: Severity
    problem: Problem
    query: str = ""


def verdict(report: Mapping[str, Any]) -> str:
    """Return the result of a run in a sentence."""
    if report["failure"]:
        return str(report["failure"]["message"])
    if report["recovery"] == "undo":
        return "Undone: the target is empty again, and nothing is published."
    if report["load_rehearsed"] is False:
        return "The load was not rehearsed, because no target could be reached; the rest went well, nothing was kept."
    if report["dry_run"]:
        return "The rehearsal went well; nothing was kept."
    return "Done and proved."


_OUTCOMES = {
    Exit.REFUSED: "Nothing was written.",
    Exit.UNDONE: "Everything was undone: the target is empty again.",
    Exit.INTERRUPTED: "Everything was undone: the target is empty again.",
    Exit.NOT_UNDONE: "Not everything could be undone.",
}


def outcome(report: Mapping[str, Any]) -> str:
    """Return what a run that failed left behind."""
    return _OUTCOMES.get(report["exit_code"], "") if report["failure"] else ""


def to_command(report: Mapping[str, Any]) -> str:
    """Return the command that prints the report as text; only root can look into the folders of the real places."""
    return f"{'' if report['root'] else 'sudo '}teleclaude report {shlex.quote(report['folder'])}"


def is_kept(report: Mapping[str, Any]) -> bool:
    """Whether the result of a run exists: the run did not fail and took nothing back."""
    return report["failure"] is None and report["recovery"] != "undo"


def find_verified(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was verified, a sentence each; nothing of what was undone."""
    if not is_kept(report):
        return
    tables, files, probe = report["tables"], report["source"]["files"], report["probe"]
    if tables:
        listed = total(tables, "converted")
        but = f" except the {listed:,} in the ledger" if listed else ""
        values = f"{count(total(tables, 'values_compared'), 'value')} read back, all equal{but}"
        yield f"{count(total(tables, 'target_rows'), 'row')} in {count(len(tables), 'table')}; {values}"
    verified = [sequence for sequence in report["sequences"] if sequence["verified"]]
    if verified:
        yield f"{count(len(verified), 'sequence')} tried with an insert: the next number is right"
    if probe and probe["ok"]:
        booted = f"the daemon booted on it and lists {count(probe['sessions_listed'], 'session')}"
        yield f"{booted}; {count(probe['searches'], 'search', 'searches')} compared"
    if files and all(file["sha256_before"] == file["sha256_after"] for file in files):
        yield f"{count(len(files), 'file')} of the old installation compared: unchanged"


def describe_idle(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many sessions are open and how long they have been idle; nothing where none is, or nothing was kept."""
    idle = report["idle_sessions"]
    if is_kept(report) and idle and idle["open"]:
        opened, older = count(idle["open"], "session is open", "sessions are open"), idle["over_3_days"]
        since = f" (the longest since {idle['longest_since'][:10]})" if older else ""
        closed = "; the daemon closes them 3 days after the migration, if they stay idle" if older else ""
        yield f"{opened}, {older:,} of them idle for more than 3 days{since}{closed}"


def total(tables: list[dict[str, Any]], number: str) -> Any:
    """Return the sum of a number, whole or not, over all tables."""
    return sum(table[number] for table in tables)


def find_largest(tables: list[dict[str, Any]], most: int) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the `most` largest tables by their names, and all others as one."""
    ordered = sorted(tables, key=lambda table: (-table["target_rows"], -table["seconds"]))
    named = [(table["name"], [table]) for table in ordered[:most]]
    others = ordered[most:]
    return [*named, (f"{len(others)} more", others)] if others else named


def find_attention(report: Mapping[str, Any]) -> tuple[Attention, ...]:
    """Return everything that needs attention, errors first; notes do not."""
    kinds = (_of_findings, _of_cutover, _of_sequences, _of_constraints, _of_values, _of_references)
    found = [attention for kind in kinds for attention in kind(report)]
    return tuple(sorted(found, key=lambda attention: attention.severity is not Severity.ERROR))


def _keeps_files(report: Mapping[str, Any]) -> bool:
    """Whether report and ledger can be read afterwards."""
    return bool(report["folder_kept"]) and report["exit_code"] != Exit.REFUSED


def _where(report: Mapping[str, Any]) -> str:
    return "the report has" if _keeps_files(report) else "--json prints"


def _of_findings(report: Mapping[str, Any]) -> Iterator[Attention]:
    for finding in report["findings"]:
        severity = Severity(finding["severity"])
        if severity is not Severity.NOTE:
            yield Attention(severity, problems.FOUND.fill(**finding))


def _of_cutover(report: Mapping[str, Any]) -> Iterator[Attention]:
    places = list(dict.fromkeys(f"{item['kind']} {item['path']}" for item in report["cutover"] if item["needed"]))
    if places:
        is_made = report["failure"] is None and not report["dry_run"]
        problem = (problems.CUTOVER_TO_DO if is_made else problems.CUTOVER_TO_COME).fill(
            places=places[0] + (f" and {len(places) - 1} more" if len(places) > 1 else ""),
            script=Path(report["folder"]) / "cutover.sh",
            where=_where(report),
        )
        yield Attention(Severity.WARNING, problem)


def _of_sequences(report: Mapping[str, Any]) -> Iterator[Attention]:
    for sequence in report["sequences"]:
        if not sequence["verified"]:
            yield Attention(Severity.WARNING, problems.NO_NUMBER_LEFT.fill(**sequence))


def _of_constraints(report: Mapping[str, Any]) -> Iterator[Attention]:
    for broken in report["constraints"]:
        rows = count(broken["rows"], "row")
        problem = problems.CONSTRAINT_BROKEN.fill(**broken | {"rows": rows, "where": _where(report)})
        yield Attention(Severity.WARNING, problem, broken["query"])


def _of_values(report: Mapping[str, Any]) -> Iterator[Attention]:
    ledger = report["ledger"]
    if ledger and ledger["entries"] and report["recovery"] != "undo":
        problem = problems.VALUES_CHANGED if _keeps_files(report) else problems.VALUES_NOT_KEPT
        values = count(ledger["entries"], "value")
        yield Attention(Severity.WARNING, problem.fill(values=values, ledger=Path(ledger["path"]).name))


def _of_references(report: Mapping[str, Any]) -> Iterator[Attention]:
    lost = report["lost_references"]
    if lost and is_kept(report):
        problem = problems.REFERENCES_LOST.fill(
            references=count(len(lost), "reference"),
            lead="leads" if len(lost) == 1 else "lead",
            first=f"{lost[0]['path']}, line {lost[0]['line']}",
            where=_where(report),
        )
        yield Attention(Severity.WARNING, problem)
