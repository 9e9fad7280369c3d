"""The pieces that the page is built of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from teleclaude.printable import printable

Child = Element | str


def element(tag: str, *children: Child, **attributes: str) -> Element:
    """Return an element; `kind` is its class, and other names of attributes have `-` for `_`."""
    made = Element(
        tag, {"class" if name == "kind" else name.replace("_", "-"): attributes[name] for name in attributes}
    )
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + shown(child)
        else:
            made.text = (made.text or "") + shown(child)
    return made


def shown(text: str) -> str:
    """Return a text with what a page could not show, or would obey, written out; lines stay lines."""
    return "\n".join(printable(line) for line in text.split("\n"))


def section(title: str, *children: Child) -> Element:
    """Return a part of the page with its title."""
    return element("section", element("h2", title), *children)


def fold(summary: str, *children: Child) -> Element:
    """Return what opens when it is asked for."""
    return element("details", element("summary", summary), *children)


def lines(text: Iterable[str]) -> Element:
    """Return lines as a shell or psql takes them; a comment of the shell steps back."""
    kinds = (element("span", line, kind="comment" if line.startswith("#") else "line") for line in text)
    return element("pre", *kinds)


def table(names: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> Element:
    """Return a table whose last columns are numbers; each cell knows its column, for a page too narrow for a head."""
    first = len(names) - numbers
    kinds = ["text" if place < first else "number" for place in range(len(names))]
    head = element("tr", *(element("th", name, kind=kind) for name, kind in zip(names, kinds, strict=True)))
    body = (
        element("tr", *(element("td", cell, kind=k, data_name=n) for cell, k, n in zip(row, kinds, names, strict=True)))
        for row in rows
    )
    return element("table", element("thead", head), element("tbody", *body))
