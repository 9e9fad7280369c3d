"""The indexes of the snippets in their new place, `index.yaml` (facts: installation, snippets). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from teleclaude.config.parse import parse_yaml
from teleclaude.errors import ConfigError
from teleclaude.migration.source.known_files import INDEX, THIRD_PARTY

Fronts = Mapping[Path, Mapping[str, Any]]
"""The front matter of each snippet, by its name below the docs."""

_REQUIRED = ("id", "type", "description")


def read_front_matter(content: bytes) -> dict[str, Any]:
    """Return the YAML between the first two lines of dashes, nothing where there is none that can be read."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    parts = text.split("\n---", 1)
    if not text.startswith("---\n") or len(parts) != 2:
        return {}
    try:
        return parse_yaml(parts[0].removeprefix("---\n").encode(), INDEX)
    except ConfigError:
        return {}


def make_index(docs: Path, fronts: Fronts, old: bytes) -> dict[str, Any]:
    """Return the main index; files without id, type or description are not listed.

    The `old` one knows from which project each comes.
    """
    projects = {str(entry.get("id")): entry.get("source_project") for entry in _read_entries(old)}
    entries = (
        {
            "id": front["id"],
            "description": front["description"],
            "type": front["type"],
            "scope": front.get("scope", "global"),
            "path": str(Path(docs.name) / name),
            "visibility": front.get("visibility", "internal"),
            "source_project": projects.get(front["id"]),
        }
        for name, front in fronts.items()
        if all(isinstance(front.get(key), str) for key in _REQUIRED) and THIRD_PARTY not in name.parents
    )
    return {"project_root": str(docs.parent), "snippets_root": str(docs), "snippets": _ordered(entries)}


def make_third_party_index(docs: Path, fronts: Fronts, old: bytes) -> dict[str, Any]:
    """Return the index of the snippets of others; what their front matter does not say is taken from the `old` one.

    A path is relative to what it was relative to, because everything is at the same place below the docs.
    """
    known = {_name_of(str(entry.get("path"))): entry for entry in _read_entries(old)}
    entries = (
        {"path": str(name.relative_to(THIRD_PARTY)), **known.get(name, {}), **front}
        for name, front in fronts.items()
        if THIRD_PARTY in name.parents
    )
    keys = ("id", "description", "scope", "path")
    listed = ({key: entry.get(key) for key in keys} for entry in entries if isinstance(entry.get("id"), str))
    return {"snippets_root": str(docs / THIRD_PARTY), "snippets": _ordered(listed)}


def _name_of(path: str) -> Path:
    return THIRD_PARTY / path.rpartition(f"{THIRD_PARTY}/")[2]


def _read_entries(old: bytes) -> list[dict[Any, Any]]:
    try:
        entries = parse_yaml(old, INDEX).get("snippets")
    except ConfigError:
        return []
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _ordered(entries: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries without values that are missing, ordered by id."""
    stated = ({key: value for key, value in entry.items() if value is not None} for entry in entries)
    return sorted(stated, key=lambda entry: str(entry["id"]))
