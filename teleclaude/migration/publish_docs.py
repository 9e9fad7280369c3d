"""Shared snippets are copied to a place for everyone, and their index is built anew (facts: installation, snippets)."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import yaml

from teleclaude.config.files import read_yaml, sync_directory, to_yaml, write_new
from teleclaude.errors import ConfigError, PublishError
from teleclaude.migration.detect.docs import INDEX
from teleclaude.migration.journal import remove_empty
from teleclaude.migration.plan import Plan
from teleclaude.migration.prepare import MARK
from teleclaude.migration.report import Event, FileResult, note

MODE = 0o644
REQUIRED = ("id", "type", "description")


async def publish_docs(plan: Plan) -> AsyncGenerator[Event, None]:
    """Copy the snippets beside their place and move them there at once; raises PublishError."""
    if not plan.docs:
        yield note("docs", "the old installation has no shared snippets")
        return
    folder = plan.private / "docs" if plan.dry_run else _beside(plan)
    results = list(_build(plan, folder))
    if not plan.dry_run:
        try:
            folder.rename(plan.layout.docs)
        except OSError as error:
            shutil.rmtree(folder)
            raise PublishError(f"{plan.layout.docs} cannot be put in place: {error.strerror}", "move it away") from None
        sync_directory(plan.layout.docs.parent)
    for result in results:
        yield result


def _beside(plan: Plan) -> Path:
    return plan.layout.docs.with_name(f".docs-{plan.run}")


def _build(plan: Plan, folder: Path) -> Iterator[FileResult]:
    folder.mkdir(parents=True, mode=0o755)
    contents = {doc.relative: doc.real.read_bytes() for doc in plan.docs}
    contents[INDEX] = to_yaml(make_index(plan, contents), MARK.format(run=plan.run)).encode()
    owner = (0, 0) if plan.as_service_user else None
    for relative, content in sorted(contents.items()):
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        write_new(path, content, MODE, owner)
        digest = hashlib.sha256(content).hexdigest()
        yield FileResult(str(plan.layout.docs / relative), "docs", f"{MODE:04o}", "root:root", digest)


def make_index(plan: Plan, contents: dict[Path, bytes]) -> dict[str, Any]:
    """Return the index of the snippets in their new place; files without id, type or description are not listed."""
    root = plan.layout.root
    docs = Path("/") / plan.layout.docs.relative_to(root) if root else plan.layout.docs
    projects = read_projects(plan.home / ".teleclaude" / "docs" / INDEX)
    snippets = []
    for relative, content in contents.items():
        front = read_front_matter(content) if relative.suffix == ".md" else {}
        if all(isinstance(front.get(name), str) for name in REQUIRED):
            entry = {
                "id": front["id"],
                "description": front["description"],
                "type": front["type"],
                "scope": front.get("scope", "global"),
                "path": str(Path(docs.name) / relative),
                "visibility": front.get("visibility", "internal"),
                "source_project": projects.get(front["id"]),
            }
            snippets.append({name: value for name, value in entry.items() if value is not None})
    return {
        "project_root": str(docs.parent),
        "snippets_root": str(docs),
        "snippets": sorted(snippets, key=lambda snippet: str(snippet["id"])),
    }


def read_projects(index: Path) -> dict[str, Any]:
    """Return the project that each snippet of the old index comes from, nothing where the index cannot be read."""
    try:
        old = read_yaml(index, required=False).get("snippets")
    except ConfigError:
        return {}
    entries = [entry for entry in old if isinstance(entry, dict)] if isinstance(old, list) else []
    return {entry["id"]: entry.get("source_project") for entry in entries if isinstance(entry.get("id"), str)}


def read_front_matter(content: bytes) -> dict[str, Any]:
    """Return the YAML between the first two lines of dashes, nothing where there is none that can be read."""
    text = content.decode("utf-8", "replace")
    parts = text.split("\n---", 1)
    if not text.startswith("---\n") or len(parts) != 2:
        return {}
    try:
        front = yaml.safe_load(parts[0].removeprefix("---\n"))
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return {}
    return front if isinstance(front, dict) else {}


async def undo_publish_docs(plan: Plan) -> None:
    """Remove the snippets if their index carries the mark of this run, and what was made beside their place."""
    shutil.rmtree(_beside(plan), ignore_errors=True)
    index = plan.layout.docs / INDEX
    mark = MARK.format(run=plan.run).encode()
    if index.is_file() and not plan.layout.docs.is_symlink() and mark in index.read_bytes().partition(b"\n")[0]:
        shutil.rmtree(plan.layout.docs)
        if plan.layout.docs not in plan.new_directories:
            plan.layout.docs.mkdir()
    remove_empty(plan.new_directories)
