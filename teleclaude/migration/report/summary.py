"""What a report says in short, the same on the last page and in report.html: verdict, proof, attention. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teleclaude.errors import Exit
from teleclaude.migration.report.events import Severity


@dataclass(frozen=True)
class Attention:
    """Something that a person should look at, and what to do about it; `query` lists the rows that it is about."""

    severity: Severity
    what: str
    remedy: str
    query: str = ""


def verdict(report: Mapping[str, Any]) -> str:
    """Return in a sentence what came of a run."""
    if report["failure"]:
        return str(report["failure"]["message"])
    if report["recovery"] == "undo":
        return "Taken back: the target is empty again, and nothing is published."
    if report["load_rehearsed"] is False:
        return "The load was not rehearsed, because no target could be reached; the rest went well, nothing was kept."
    if report["dry_run"]:
        return "The rehearsal went well; nothing was kept."
    return "Done and proved."


_OUTCOMES = {
    Exit.REFUSED: "Nothing was written.",
    Exit.UNDONE: "Everything was taken back: the target is empty again.",
    Exit.NOT_UNDONE: "Not everything could be taken back.",
}


def outcome(report: Mapping[str, Any]) -> str:
    """Return what is left of a run that failed, where its sentence does not say so."""
    said = _OUTCOMES.get(report["exit_code"], "") if report["failure"] else ""
    return "" if "nothing was" in verdict(report) else said


def stands(report: Mapping[str, Any]) -> bool:
    """Whether what a run did is there: it did not fail, and took nothing back."""
    return report["failure"] is None and report["recovery"] != "undo"


def find_proofs(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was proved, a sentence each; nothing of what was taken back."""
    if not stands(report):
        return
    tables, files, probe = report["tables"], report["source"]["files"], report["probe"]
    if tables:
        listed = total(tables, "converted")
        but = f", but for the {listed:,} that the ledger lists" if listed else ""
        values = f"{total(tables, 'values_compared'):,} values read back"
        yield f"{total(tables, 'target_rows'):,} rows in {len(tables)} tables; {values}, all equal{but}"
    proved = [identity for identity in report["sequences"] if identity["proved"]]
    if proved:
        yield f"{len(proved)} sequences give the next free number, as an insert showed"
    if probe and probe["ok"]:
        booted = f"the daemon booted on it and lists {probe['sessions_listed']:,} sessions"
        yield f"{booted}; {probe['searches']} searches compared"
    if files and all(file["sha256_before"] == file["sha256_after"] for file in files):
        yield f"{len(files)} files of the old installation are what they were"


def total(tables: list[dict[str, Any]], number: str) -> int:
    """Return the sum of a number over all tables."""
    return sum(table[number] for table in tables)


def find_attention(report: Mapping[str, Any]) -> tuple[Attention, ...]:
    """Return everything that asks for attention, errors first; notes do not."""
    ways = (_of_findings, _of_leads, _of_sequences, _of_constraints, _of_values)
    found = [attention for way in ways for attention in way(report)]
    return tuple(sorted(found, key=lambda attention: attention.severity is not Severity.ERROR))


def _is_kept(report: Mapping[str, Any]) -> bool:
    """Whether report and ledger can be looked into afterwards."""
    return bool(report["folder_stays"]) and report["exit_code"] != Exit.REFUSED


def _where(report: Mapping[str, Any]) -> str:
    return "the report has" if _is_kept(report) else "--json prints"


def _of_findings(report: Mapping[str, Any]) -> Iterator[Attention]:
    for finding in report["findings"]:
        severity = Severity(finding["severity"])
        if severity is not Severity.NOTE:
            yield Attention(severity, f"{finding['subject']}: {finding['message']}", finding["hint"])


def _of_leads(report: Mapping[str, Any]) -> Iterator[Attention]:
    leads = [lead for lead in report["cutover"] if lead["needed"]]
    if leads:
        places = list(dict.fromkeys(f"{lead['kind']} {lead['path']}" for lead in leads))
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        said = f"{places[0]}{more} still lead to the old installation"
        script = Path(report["folder"]) / "cutover.sh"
        made = report["failure"] is None and not report["dry_run"]
        sudo = "" if report["root"] else "sudo "
        remedy = f"read it, then: {sudo}sh {script}" if made else f"{_where(report)} the commands, under cutover"
        yield Attention(Severity.WARNING, said, remedy)


def _of_sequences(report: Mapping[str, Any]) -> Iterator[Attention]:
    for identity in report["sequences"]:
        if not identity["proved"]:
            table, column = identity["table"], identity["column"]
            said = f"{table}.{column} has no number left, so the next row that asks for one is refused"
            remedy = f"renumber its highest row, then: ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH NUMBER"
            yield Attention(Severity.WARNING, said, remedy)


def _of_constraints(report: Mapping[str, Any]) -> Iterator[Attention]:
    for constraint in report["constraints"]:
        said = f"{constraint['name']} is {constraint['state']}: {constraint['rows']:,} rows break it"
        yield Attention(Severity.WARNING, said, f"{_where(report)} their query", constraint["query"])


def _of_values(report: Mapping[str, Any]) -> Iterator[Attention]:
    ledger = report["ledger"]
    if ledger and ledger["entries"] and report["recovery"] != "undo":
        said = f"{ledger['entries']:,} values could not be carried as they were"
        kept = f"each is in {Path(ledger['path']).name}, with its original"
        lost = "--report-dir DIR keeps the list of them, with their originals"
        yield Attention(Severity.WARNING, said, kept if _is_kept(report) else lost)
