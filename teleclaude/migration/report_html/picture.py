"""Where time and rows went, as bars. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from teleclaude.migration.report_html.elements import element

WIDTH, LINE, BAR = 360, 36, 7
"""Of the picture, of a line of it, of a bar; in the units of a telephone's screen, so that text needs no glass."""

MOST_TABLES = 12
MOST_LETTERS = 30


@dataclass(frozen=True)
class Line:
    """A name, what is said of it, and its bars: shares of the whole width, each with its class."""

    name: str
    said: str
    bars: tuple[tuple[float, str], ...]


def draw_steps(report: Mapping[str, Any]) -> Element:
    """Return the steps with the time that each took."""
    steps = report["steps"]
    most = max((step["seconds"] for step in steps), default=0) or 1
    return draw(
        "Seconds of each step",
        [
            Line(
                step["name"].replace("_", " ") + ("" if step["outcome"] == "done" else f": {step['outcome']}"),
                f"{step['seconds']:.2f} s",
                ((step["seconds"] / most, "time" if step["outcome"] == "done" else "bad"),),
            )
            for step in steps
        ],
    )


def draw_tables(report: Mapping[str, Any]) -> Element:
    """Return the largest tables with their rows and their time, the rest as one."""
    tables = sorted(report["tables"], key=lambda table: (-table["target_rows"], -table["seconds"]))
    named = [(table["name"], table["target_rows"], table["seconds"]) for table in tables[:MOST_TABLES]]
    rest = tables[MOST_TABLES:]
    if rest:
        rows, seconds = (sum(table[name] for table in rest) for name in ("target_rows", "seconds"))
        named.append((f"{len(rest)} smaller ones", rows, seconds))
    most_rows = max((rows for _, rows, _ in named), default=0) or 1
    most_seconds = max((seconds for _, _, seconds in named), default=0) or 1
    return draw(
        "Rows and seconds of the largest tables",
        [
            Line(name, f"{rows:,} · {seconds:.2f} s", ((rows / most_rows, "rows"), (seconds / most_seconds, "time")))
            for name, rows, seconds in named
        ],
    )


def draw(title: str, drawn: Sequence[Line]) -> Element:
    """Return lines of names and bars as a picture that scales."""
    height = LINE * len(drawn)
    parts = [part for place, line in enumerate(drawn) for part in _draw_line(line, place * LINE)]
    box = f"0 0 {WIDTH} {height}"
    return element("svg", element("title", title), *parts, viewBox=box, role="img", aria_label=title)


def _draw_line(line: Line, top: int) -> list[Element]:
    name = line.name if len(line.name) <= MOST_LETTERS else line.name[: MOST_LETTERS - 1] + "…"
    label = element("text", name, x="0", y=str(top + 13))
    said = element("text", line.said, x=str(WIDTH), y=str(top + 13), text_anchor="end", kind="said")
    thickness = BAR / len(line.bars) if len(line.bars) > 1 else BAR - 2
    bars = [
        element(
            "rect",
            x="0",
            y=f"{top + 19 + place * (thickness + 1):g}",
            # What took next to nothing is still there to be seen.
            width=f"{max(share * WIDTH, 1 if share else 0):.1f}",
            height=f"{thickness:g}",
            rx="1.5",
            kind=kind,
        )
        for place, (share, kind) in enumerate(line.bars)
    ]
    return [label, said, *bars]
