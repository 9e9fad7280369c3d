"""Shared snippets are copied to a place for everyone, and their index is built anew (facts: installation, snippets)."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from teleclaude.config.edit import to_yaml
from teleclaude.config.files import write_new
from teleclaude.config.folders import opened_folder, sync_folder
from teleclaude.config.parse import parse_yaml
from teleclaude.errors import ConfigError, PublishError, SourceError
from teleclaude.migration.plan.plan import MARK, Plan
from teleclaude.migration.publish.published import beside, remove_docs
from teleclaude.migration.report.events import Event, FileResult, note
from teleclaude.migration.source.files import read_file
from teleclaude.migration.source.installation import DocFile
from teleclaude.migration.source.known_files import DOC_BYTES, INDEX
from teleclaude.migration.source.privsep import privsep_for
from teleclaude.migration.state.workspace import remove_empty

MODE = 0o644
REQUIRED = ("id", "type", "description")


async def publish_docs(plan: Plan) -> AsyncGenerator[Event, None]:
    """Copy the snippets beside their place and move them there at once; raises PublishError."""
    if not plan.inventory.docs:
        yield note("docs", "the old installation has no shared snippets")
        return
    for result in _build(plan, plan.inventory.private / "docs") if plan.options.dry_run else _put_in_place(plan):
        yield result


def _put_in_place(plan: Plan) -> list[FileResult]:
    """Build the folder beside its place and move it there at once."""
    place = plan.inventory.layout.docs
    aside = beside(place, plan.run)
    try:
        with opened_folder(place.parent, make=True) as around:
            os.mkdir(aside.name, 0o755, dir_fd=around)
            try:
                results = list(_build(plan, aside))
                os.rename(aside.name, place.name, src_dir_fd=around, dst_dir_fd=around)
            except BaseException:
                shutil.rmtree(aside.name, dir_fd=around, ignore_errors=True)
                raise
            sync_folder(around)
    except OSError as error:
        raise PublishError(f"{place} cannot be put in place: {error.strerror}", "see to the place") from None
    return results


def _build(plan: Plan, folder: Path) -> Iterator[FileResult]:
    fronts: dict[Path, dict[str, Any]] = {}
    for doc in sorted(plan.inventory.docs, key=lambda doc: doc.relative):
        content = read_doc(plan, doc)
        fronts[doc.relative] = read_front_matter(content) if doc.relative.suffix == ".md" else {}
        yield _write(plan, folder, doc.relative, content)
    index = to_yaml(make_index(plan, fronts), MARK.format(run=plan.run)).encode()
    yield _write(plan, folder, INDEX, index)


def read_doc(plan: Plan, doc: DocFile) -> bytes:
    """Return the content that detection saw; raises SourceError where it is another one now."""
    seen = next((file.sha256 for file in plan.inventory.files if file.path == doc.real), None)
    with suppress(FileNotFoundError):
        content = read_file(privsep_for(plan.inventory.account), doc.real, DOC_BYTES, exact=True)
        if hashlib.sha256(content).hexdigest() == seen:
            return content
    raise SourceError(f"{doc.real} changed during the migration", "stop whatever writes to it and run again")


def _write(plan: Plan, folder: Path, relative: Path, content: bytes) -> FileResult:
    path = folder / relative
    with opened_folder(path.parent, make=True):
        write_new(path, content, MODE, (0, 0) if plan.inventory.as_service_user else None)
    digest = hashlib.sha256(content).hexdigest()
    return FileResult(str(plan.inventory.layout.docs / relative), "docs", f"{MODE:04o}", "root:root", digest)


def make_index(plan: Plan, fronts: Mapping[Path, dict[str, Any]]) -> dict[str, Any]:
    """Return the index of the snippets in their new place; files without id, type or description are not listed."""
    root = plan.inventory.layout.root
    docs = Path("/") / plan.inventory.layout.docs.relative_to(root) if root else plan.inventory.layout.docs
    projects = read_projects(plan)
    snippets = []
    for relative, front in fronts.items():
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


def read_projects(plan: Plan) -> dict[str, Any]:
    """Return the project that each snippet of the old index comes from, nothing where the index cannot be read."""
    if plan.inventory.docs_index is None:
        return {}
    try:
        old = parse_yaml(read_doc(plan, plan.inventory.docs_index), plan.inventory.docs_index.real).get("snippets")
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
        return parse_yaml(parts[0].removeprefix("---\n").encode(), INDEX)
    except ConfigError:
        return {}


async def undo_publish_docs(plan: Plan) -> None:
    """Remove the snippets that this run has published, and the directories that were made for them."""
    remove_docs(plan.run, plan.inventory.layout.docs, [doc.relative for doc in plan.inventory.docs])
    remove_empty(plan.inventory.destinations.new_directories)
