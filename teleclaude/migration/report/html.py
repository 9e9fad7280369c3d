"""report.html: the report of a run as one page for people, made of its JSON by `report.html.j2`. Pure.

The page asks nothing of the network and runs nothing. The template escapes every value, so that none becomes markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teleclaude.migration.report import summary
from teleclaude.printable import printable

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATE = "report.html.j2"
_MOST_TABLES = 12

_Line = tuple[str, str, list[tuple[float, str]]]
"""A line of a picture: its name, its text, and its bars as shares of the whole width, each with its CSS class."""


def to_html(report: Mapping[str, Any]) -> str:
    """Return the page of a report, as `Report.to_json` returns it."""
    return _load_template().render(
        report=report,
        verdict=summary.verdict(report),
        outcome=summary.outcome(report),
        is_kept=summary.is_kept(report),
        attention=summary.find_attention(report),
        verified=list(summary.find_verified(report)),
        idle=list(summary.describe_idle(report)),
        steps=list(_draw_steps(report["steps"])),
        tables=list(_draw_tables(report["tables"])),
        left=_find_left(report),
        json=Path(report["folder"]) / "report.json",
    )


@cache
def _load_template() -> Template:
    # The import takes tens of milliseconds, and only the end of a run makes a page.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_to_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["count"] = "{:,}".format
    return environment.get_template(_TEMPLATE)


def _to_shown(value: object) -> object:
    """Return a value with control characters written out; ends of lines are kept."""
    is_markup = hasattr(value, "__html__")
    return value if is_markup else "\n".join(printable(line) for line in str(value).split("\n"))


def _draw_steps(steps: list[dict[str, Any]]) -> Iterator[_Line]:
    """Yield the steps with the time that each took."""
    most = max((step["seconds"] for step in steps), default=0) or 1
    for step in steps:
        done = step["outcome"] == "done"
        name = step["name"].replace("_", " ") + ("" if done else f": {step['outcome']}")
        yield name, f"{step['seconds']:.2f} s", [(step["seconds"] / most, "time" if done else "bad")]


def _draw_tables(tables: list[dict[str, Any]]) -> Iterator[_Line]:
    """Yield the largest tables with their rows and their time, the rest as one."""
    largest = summary.find_largest(tables, _MOST_TABLES)
    named = [(name, summary.total(some, "target_rows"), summary.total(some, "seconds")) for name, some in largest]
    most_rows = max((rows for _, rows, _ in named), default=0) or 1
    most_seconds = max((seconds for _, _, seconds in named), default=0) or 1
    for name, rows, seconds in named:
        yield name, f"{rows:,} · {seconds:.2f} s", [(rows / most_rows, "rows"), (seconds / most_seconds, "time")]


def _find_left(report: Mapping[str, Any]) -> dict[str, str]:
    """Return what is left where it is, and why, each once."""
    left = {item["path"]: item["why"] for item in report["installation"] if item["outcome"] == "left"}
    return left | {item["subject"]: item["reason"] for item in report["left"]}
