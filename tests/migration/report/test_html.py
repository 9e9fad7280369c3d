"""report.html: whole, of everything the report says, and of nothing that a value could turn it into."""

import dataclasses
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Problem
from teleclaude.migration.report.events import TableResult, error, note, warning
from teleclaude.migration.report.html import to_html
from teleclaude.migration.report.report import Report, StepRun
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from tests.support.pointing import point_to
from tests.support.sample import migrate_sample
from tests.support.standing import Migrated
from tests.support.steps import fail, planted

pytestmark = pytest.mark.usefixtures("daemon_here")

VOID = {"meta"}
HOSTILE = "<script>alert(1)</script>\"'&\u202e\x1b[2J]]>-->"


class Page(HTMLParser):
    """Reads a page: its words, its elements, and that each is closed where it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def kept(report: Report) -> str:
    return (Path(report.header["folder"]) / "report.html").read_text()


async def test_everything_that_the_report_says_is_on_the_page(options: Options, sample: SampleInstallation) -> None:
    point_to(sample)
    report = await migrate_sample(options)
    page, said = Page(kept(report)).text, report.to_json()
    parts = ("tables", "columns", "constraints", "files", "docs", "left", "next", "undo")
    for part in parts:
        assert said[part]
        names = {str(item) if part in ("next", "undo") else str(next(iter(item.values()))) for item in said[part]}
        assert {name for name in names if name not in page} == set(), part
    assert said["findings"]
    for finding in said["findings"]:
        assert finding["message"] in page
        assert finding["hint"] in page
    for lead in said["cutover"]:
        assert all(line in page for line in lead["command"].splitlines())
    assert said["constraints"][0]["query"] in page
    assert {file["sha256"] for file in said["files"] if file["sha256"] not in page} == set()
    assert said["ledger"]["path"] in page


async def test_the_page_is_whole_and_asks_nothing_of_a_network(migrated: Migrated) -> None:
    html = kept(migrated.report)
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>\n<html")
    assert {"svg", "rect", "details", "table", "style"} <= page.tags
    assert page.tags & {"script", "link", "img", "iframe", "object", "a", "form"} == set()
    assert {name for name in page.attributes if name in {"src", "href", "style"} or name.startswith("on")} == set()
    assert not re.search(r"url\(|@import", html)
    assert 'name="viewport"' in html
    assert "prefers-color-scheme: dark" in html


def test_no_value_becomes_markup() -> None:
    table = TableResult(HOSTILE, 1, 1, 0, 1, 0, 0.1)
    findings = tuple(make(HOSTILE, Problem(HOSTILE, HOSTILE)) for make in (error, warning, note))
    header = {
        "program": "1", "run": HOSTILE, "started_at": HOSTILE, "dry_run": False, "recovery": None, "folder": HOSTILE,
        "folder_kept": True,
        "source": {"checkout": HOSTILE, "database": None}, "target": {"url": HOSTILE}, "owner": None, "columns": [],
    }  # fmt: skip
    report = Report(header, (StepRun(HOSTILE, "done", 0.1, (table, *findings)),), None, (HOSTILE, f"# {HOSTILE}"))
    html = to_html(report.to_json())
    page = Page(html)
    assert "script" not in page.tags
    assert page.text.count("<script>alert(1)</script>") >= 8
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert html.count("</style>") == 1


ANYTHING = st.text() | st.sampled_from(["<script>", "</style>", "]]>", "-->", "<!--", "&lt;", '" onload=x', "\0"])


@given(texts=st.lists(ANYTHING, min_size=1, max_size=4), failed=st.booleans())
@settings(max_examples=30)
def test_no_value_of_any_report_becomes_markup(texts: list[str], failed: bool) -> None:
    some = cycle(texts)
    said = {**SAID, "failure": {"message": "m", "hint": "h"} if failed else None}
    html = to_html(planted_everywhere(said, lambda: next(some)))
    page, usual = Page(html), Page(to_html(said))
    assert page.tags <= usual.tags
    assert page.attributes <= usual.attributes
    # Each `<` begins an element of ours, or ends one.
    names = "|".join(sorted(page.tags))
    assert re.sub(rf"</?(?:{names})[ >]|<!DOCTYPE html>", "", html).count("<") == 0
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", html) == []


def planted_everywhere(value: Any, draw: Callable[[], str]) -> Any:
    """Return a report with another text wherever one stands, but for what the page decides by."""
    if isinstance(value, dict):
        kept = {"severity", "mapping"}
        return {name: item if name in kept else planted_everywhere(item, draw) for name, item in value.items()}
    if isinstance(value, list):
        return [planted_everywhere(item, draw) for item in value]
    return draw() if isinstance(value, str) else value


def test_many_tables_are_drawn_as_the_largest_and_the_rest() -> None:
    tables = [{**SAID["tables"][0], "name": f"table {rows}", "target_rows": rows} for rows in range(1, 21)]
    picture = to_html({**SAID, "tables": tables}).split("<svg")[-1].split("</svg>")[0]
    drawn = re.findall(r'<text x="0" y="[0-9]+">(.*?)</text>', picture)
    assert drawn == [*(f"table {rows}" for rows in range(20, 8, -1)), "8 more"]
    widths = re.findall(r'width="([0-9.]+)"[^>]*class="rows"', picture)
    assert [float(width) for width in widths] == [10.0 * rows for rows in (*range(20, 8, -1), 36)]


SAID: dict[str, Any] = {
    "program": "1", "run": "r", "started_at": "2026-01-01T00:00:00+00:00", "dry_run": False, "recovery": None,
    "root": None, "folder": "/f", "folder_kept": True, "next": ["start"], "undo": ["# 1.", "rm"],
    "source": {"checkout": "/c", "database": "/c/d",
               "files": [{"path": "p", "sha256_before": "a", "sha256_after": "b"}]},
    "target": {"url": "u"}, "owner": {"sessions": 1, "why": "w"}, "exit_code": 0, "load_rehearsed": None,
    "failure": None, "probe": {"ok": True, "sessions_listed": 1, "searches": 1},
    "steps": [{"name": "s", "outcome": "failed", "seconds": 1.0}],
    "findings": [{"severity": s, "subject": "s", "message": "m", "hint": "h"} for s in ("note", "warning", "error")],
    "tables": [{"name": "t", "source_rows": 1, "target_rows": 1, "rejected": 0, "values_compared": 1, "converted": 1,
                "seconds": 0.1}],
    "idle_sessions": {"open": 2, "over_1_day": 1, "over_3_days": 1, "over_30_days": 1, "longest_since": "2026"},
    "sequences": [{"table": "t", "column": "c", "verified": True, "next_value": 1}],
    "constraints": [{"name": "n", "table": "t", "state": "s", "rows": 1, "query": "q"}],
    "columns": [{"table": "t", "column": "c", "mapping": mapping, "to": "x"} for mapping in ("mapped", "left")],
    "files": [{"path": "p", "mode": "m", "owner": "o", "sha256": "s"}],
    "docs": [{"path": "p", "mode": "m", "owner": "o", "sha256": "s", "references": 1}],
    "lost_references": [{"path": "p", "line": 1, "reference": "r", "why": "y"}],
    "preview": [{"path": "p", "kind": "system", "content": "a\nb"}],
    "installation": [{"what": "w", "path": "p", "outcome": f, "to": "t", "why": "y"} for f in ("moved", "left")],
    "left": [{"subject": "s", "reason": "r"}],
    "cutover": [{"kind": "unit", "path": "p", "place": "l", "runs": "r", "command": "c", "hint": "h", "undo": "b",
                     "needed": True}],
    "ledger": {"path": "l", "entries": 1},
}  # fmt: skip


async def test_a_run_that_failed_keeps_its_page_with_the_sentence_and_the_remedy(options: Options) -> None:
    report = await migrate_sample(options, planted(Step("planted", fail), 2))
    assert report.failure is not None
    page = Page(kept(report)).text
    assert report.failure.problem.message in page
    assert report.failure.problem.hint in page
    assert "undone" in page


async def test_a_rehearsal_shows_the_files_as_they_would_be(options: Options, tmp_path: Path) -> None:
    report = await migrate_sample(dataclasses.replace(options, dry_run=True, report_dir=tmp_path / "kept"))
    page = Page(kept(report)).text
    for file in report.to_json()["preview"]:
        assert {line for line in file["content"].splitlines() if line not in page} == set()


async def test_no_secret_is_on_the_page(migrated: Migrated) -> None:
    lines = (migrated.sample.checkout / ".env").read_text().splitlines()
    secrets = {line.split("=", 1)[1].strip("\"'") for line in lines if re.match(r"\w+_(TOKEN|KEY|PASSWORD)=", line)}
    html = kept(migrated.report)
    assert len(secrets) > 1
    assert {secret for secret in {*secrets, str(migrated.target.password)} if secret in html} == set()


async def test_the_page_is_made_of_the_json_alone(migrated: Migrated) -> None:
    saved = json.loads((migrated.folder / "report.json").read_text())
    assert to_html(saved) == kept(migrated.report)
