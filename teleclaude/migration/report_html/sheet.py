"""The page from top to bottom. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

from teleclaude.migration.events import Severity
from teleclaude.migration.report_html.details import show_details
from teleclaude.migration.report_html.elements import element, lines, section
from teleclaude.migration.report_html.picture import draw_steps, draw_tables
from teleclaude.migration.report_html.style import STYLE
from teleclaude.migration.summary import Attention, find_attention, find_proofs, outcome, stands, total, verdict

# A second lock, beside escaping: a browser that reads it fetches nothing and runs nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def to_html(report: Mapping[str, Any]) -> str:
    """Return the page of a report, as `Report.to_json` returns it."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", f"Migration {report['run']}"),
        element("style"),
    )
    head[-1].text = STYLE
    body = element("body", *_show(report))
    page = element("html", head, body, lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


def _show(report: Mapping[str, Any]) -> Iterator[Element]:
    yield _show_head(report)
    yield from _show_attention(report)
    yield from _show_proof(report)
    yield from _show_pictures(report)
    yield from show_details(report)
    yield from _show_next(report)
    yield from _show_way_back(report)
    yield _show_foot(report)


def _show_head(report: Mapping[str, Any]) -> Element:
    failure = report["failure"]
    kind = "bad" if failure else "trial" if report["dry_run"] else "good"
    began = report["started_at"][:16].replace("T", " ")
    parts = [element("div", f"teleclaude migrate-to-system, {began} UTC", kind="soft")]
    parts.append(element("h1", verdict(report)))
    if failure:
        parts.append(element("p", " ".join(filter(None, (outcome(report), f"→ {failure['hint']}")))))
    elif stands(report) and report["tables"]:
        parts.append(_show_numbers(report))
    names = element("dl")
    for name, value in _describe(report):
        names.extend((element("dt", name), element("dd", value)))
    return element("header", *parts, names, kind=kind)


def _show_numbers(report: Mapping[str, Any]) -> Element:
    tables = report["tables"]
    numbers = {
        "rows": f"{total(tables, 'target_rows'):,}",
        "tables": str(len(tables)),
        "values compared": f"{total(tables, 'values_compared'):,}",
        "seconds": f"{sum(step['seconds'] for step in report['steps']):.1f}",
    }
    return element("div", *(element("div", element("b", n), name) for name, n in numbers.items()), kind="numbers")


def _describe(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source, owner = report["source"], report["owner"]
    yield "from", source["database"] or source["checkout"]
    yield "to", report["target"]["url"] or "no database was named"
    if owner:
        yield "owner", f"{owner['sessions']:,} sessions of {owner['why']}"
    yield "run", f"{report['run']}, exit code {report['exit_code']}"


def _show_attention(report: Mapping[str, Any]) -> Iterator[Element]:
    found = find_attention(report)
    if found:
        yield section("What needs attention", *map(_show_one, found))


def _show_one(attention: Attention) -> Element:
    parts = [element("p", attention.what)]
    if attention.query:
        parts += [element("p", "→ these rows:", kind="soft"), lines([attention.query])]
    elif attention.remedy:
        parts.append(element("p", f"→ {attention.remedy}", kind="soft"))
    return element("div", *parts, kind=f"attention {attention.severity}")


def _show_proof(report: Mapping[str, Any]) -> Iterator[Element]:
    proofs = tuple(find_proofs(report))
    if proofs:
        said = (element("li", element("span", proof)) for proof in proofs)
        yield section("What was proved", element("ul", *said, kind="proofs"))
    notes = [
        _show_one(Attention(Severity.NOTE, f"{finding['subject']}: {finding['message']}", finding["hint"]))
        for finding in report["findings"]
        if finding["severity"] == Severity.NOTE
    ]
    if notes:
        yield section("To know", *notes)


def _show_pictures(report: Mapping[str, Any]) -> Iterator[Element]:
    pictures = []
    if report["steps"]:
        about = element("p", element("span", "■", kind="time"), " seconds of each step", kind="soft")
        pictures.append(element("div", about, draw_steps(report)))
    if report["tables"]:
        rows, time = element("span", "■", kind="rows"), element("span", "■", kind="time")
        about = element("p", rows, " rows and ", time, " seconds of each table, loaded and proved", kind="soft")
        pictures.append(element("div", about, draw_tables(report)))
    if pictures:
        yield section("Where time and rows went", element("div", *pictures, kind="pictures"))


def _show_next(report: Mapping[str, Any]) -> Iterator[Element]:
    if report["next"]:
        yield section("What comes next", lines(report["next"]))


def _show_way_back(report: Mapping[str, Any]) -> Iterator[Element]:
    if report["undo"]:
        title = "To finish what could not be taken back" if report["failure"] else "To go back"
        yield section(title, lines(report["undo"]))


def _show_foot(report: Mapping[str, Any]) -> Element:
    folder = Path(report["folder"])
    said = [f"Made by teleclaude {report['program']} of {folder / 'report.json'}, with which programs do better."]
    if report["ledger"]:
        said.append(f" The ledger, which may hold values, is {report['ledger']['path']}.")
    return element("footer", *said)
