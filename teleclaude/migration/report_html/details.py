"""The long part of the page, which opens when it is asked for: tables, columns, files, places. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from teleclaude.migration.report_html.elements import element, fold, lines, section, table
from teleclaude.migration.summary import total


def show_details(report: Mapping[str, Any]) -> Iterator[Element]:
    """Yield a section each for what there is of the data, the files, and what led to the old installation."""
    for title, parts in (
        ("The data", [*_show_tables(report), *_show_identities(report), *_show_columns(report)]),
        ("The files", [*_show_files(report), *_show_preview(report), *_show_belongings(report)]),
        ("Switching over", list(_show_switch_over(report))),
    ):
        if parts:
            yield section(title, *parts)


def _show_tables(report: Mapping[str, Any]) -> Iterator[Element]:
    tables = report["tables"]
    if not tables:
        return
    names = ("source_rows", "target_rows", "rejected", "values_compared", "coerced")
    rows = [(t["name"], *(f"{t[n]:,}" if t[n] else "" for n in names), f"{t['seconds']:.2f}") for t in tables]
    heads = ("table", "source rows", "target rows", "rejected", "compared", "in ledger", "seconds")
    said = f"tables: {len(tables)}, with {total(tables, 'target_rows'):,} rows"
    yield fold(said, table(heads, rows, numbers=6))


def _show_identities(report: Mapping[str, Any]) -> Iterator[Element]:
    if report["identities"]:
        rows = [
            (f"{i['table']}.{i['column']}", "proved" if i["proved"] else "not proved", f"{i['next_value']:,}")
            for i in report["identities"]
        ]
        yield fold(f"identity columns: {len(rows)}", table(("column", "an insert", "next"), rows, numbers=1))
    if report["constraints"]:
        broken = [(c["name"], c["table"], c["state"], f"{c['rows']:,}") for c in report["constraints"]]
        heads = ("constraint", "table", "state", "rows that break it")
        yield fold(f"constraints that the data breaks: {len(broken)}", table(heads, broken, numbers=1))


def _show_columns(report: Mapping[str, Any]) -> Iterator[Element]:
    fates: dict[str, list[tuple[str, str]]] = {}
    for column in report["columns"]:
        place = f"{column['table']}.{column['column']}"
        fates.setdefault(column["fate"], []).append((place, column["to"]))
    for fate, rows in sorted(fates.items()):
        yield fold(f"columns {fate}: {len(rows)}", table(("column", "why" if fate == "left" else "to"), rows))


def _show_files(report: Mapping[str, Any]) -> Iterator[Element]:
    heads = ("file", "mode", "owner", "sha256")
    became = "to be written" if report["dry_run"] else "written and taken back" if report["failure"] else "written"
    for said, files in (("files", report["files"]), ("shared snippets", report["docs"])):
        if files:
            rows = [(f["path"], f["mode"], f["owner"], f["sha256"]) for f in files]
            yield fold(f"{said} {became}: {len(rows)}", table(heads, rows))
    if report["source"]["files"]:
        before = [(f["path"], f["sha256_before"], _same(f)) for f in report["source"]["files"]]
        said = f"files of the old installation, before and after: {len(before)}"
        yield fold(said, table(("file", "sha256 before", "sha256 after"), before))


def _same(file: Mapping[str, str]) -> str:
    return "the same" if file["sha256_after"] == file["sha256_before"] else file["sha256_after"]


def _show_preview(report: Mapping[str, Any]) -> Iterator[Element]:
    for file in report["preview"]:
        yield fold(f"as it would be written: {file['path']}", lines(file["content"].splitlines()))


def _show_belongings(report: Mapping[str, Any]) -> Iterator[Element]:
    carried = [(b["what"], b["path"], b["to"]) for b in report["installation"] if b["fate"] == "carried"]
    if carried:
        yield fold(f"carried of the old installation: {len(carried)}", table(("what", "from", "to"), carried))
    left = {b["path"]: b["why"] for b in report["installation"] if b["fate"] == "left"}
    left |= {item["subject"]: item["reason"] for item in report["left"]}
    if left:
        yield fold(f"left where it is: {len(left)}", table(("what", "why"), left.items()))


def _show_switch_over(report: Mapping[str, Any]) -> Iterator[Element]:
    for lead in report["switch_over"]:
        place = f", {lead['place']}" if lead["place"] else ""
        parts = [element("p", f"{lead['kind']}: {lead['path']}{place}"), element("p", lead["runs"], kind="soft")]
        if lead["command"]:
            parts.append(lines([lead["command"]]))
        if lead["hint"]:
            parts.append(element("p", f"→ {lead['hint']}"))
        if lead["back"]:
            parts.append(fold("takes it back", lines([lead["back"]])))
        yield element("div", *parts, kind="attention warning" if lead["needed"] else "attention note")
