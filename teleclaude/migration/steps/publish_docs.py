"""Shared snippets are copied to a folder for everybody, and their index is built (facts: installation, snippets)."""

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
from teleclaude.migration.steps.problems import DOCS_NOT_WRITTEN, FILE_CHANGED, NO_SNIPPETS

_MODE = 0o644
_REQUIRED = ("id", "type", "description")


async def publish_docs(plan: Plan) -> AsyncGenerator[Event, None]:
    """Copy the snippets; raises PublishError."""
    if not plan.inventory.docs:
        yield note("docs", NO_SNIPPETS)
        return
    for result in _build(plan, plan.inventory.private / "docs") if plan.options.dry_run else _put_in_place(plan):
        yield result


def _put_in_place(plan: Plan) -> list[FileResult]:
    """Build the folder beside its place and rename it, so that it appears there complete."""
    place = plan.inventory.layout.docs
    beside_it = beside(place, plan.run)
    try:
        with opened_folder(place.parent, make=True) as around:
            os.mkdir(beside_it.name, 0o755, dir_fd=around)
            try:
                results = list(_build(plan, beside_it))
                os.rename(beside_it.name, place.name, src_dir_fd=around, dst_dir_fd=around)
            except BaseException:
                shutil.rmtree(beside_it.name, dir_fd=around, ignore_errors=True)
                raise
            sync_folder(around)
    except OSError as error:
        raise PublishError(DOCS_NOT_WRITTEN.fill(path=place, reason=error.strerror)) from None
    return results


def _build(plan: Plan, folder: Path) -> Iterator[FileResult]:
    fronts: dict[Path, dict[str, Any]] = {}
    for doc in sorted(plan.inventory.docs, key=lambda doc: doc.relative):
        content = _read_doc(plan, doc)
        fronts[doc.relative] = _read_front_matter(content) if doc.relative.suffix == ".md" else {}
        yield _write(plan, folder, doc.relative, content)
    index = to_yaml(_make_index(plan, fronts), MARK.format(run=plan.run)).encode()
    yield _write(plan, folder, INDEX, index)


def _read_doc(plan: Plan, doc: DocFile) -> bytes:
    """Return the content that discovery saw; raises SourceError where it is another one now."""
    seen = next((file.sha256 for file in plan.inventory.files if file.path == doc.real), None)
    with suppress(FileNotFoundError):
        content = read_file(privsep_for(plan.inventory.account), doc.real, DOC_BYTES, exact=True)
        if hashlib.sha256(content).hexdigest() == seen:
            return content
    raise SourceError(FILE_CHANGED.fill(path=doc.real))


def _write(plan: Plan, folder: Path, relative: Path, content: bytes) -> FileResult:
    path = folder / relative
    with opened_folder(path.parent, make=True):
        write_new(path, content, _MODE, (0, 0) if plan.inventory.as_service_user else None)
    digest = hashlib.sha256(content).hexdigest()
    return FileResult(str(plan.inventory.layout.docs / relative), "docs", f"{_MODE:04o}", "root:root", digest)


def _make_index(plan: Plan, fronts: Mapping[Path, dict[str, Any]]) -> dict[str, Any]:
    """Return the index of the snippets in their new place; files without id, type or description are not listed."""
    root = plan.inventory.layout.root
    docs = Path("/") / plan.inventory.layout.docs.relative_to(root) if root else plan.inventory.layout.docs
    projects = _read_projects(plan)
    snippets = []
    for relative, front in fronts.items():
        if all(isinstance(front.get(name), str) for name in _REQUIRED):
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


def _read_projects(plan: Plan) -> dict[str, Any]:
    """Return the project that each snippet of the old index comes from, nothing where the index cannot be read."""
    if plan.inventory.docs_index is None:
        return {}
    try:
        old = parse_yaml(_read_doc(plan, plan.inventory.docs_index), plan.inventory.docs_index.real).get("snippets")
    except ConfigError:
        return {}
    entries = [entry for entry in old if isinstance(entry, dict)] if isinstance(old, list) else []
    return {entry["id"]: entry.get("source_project") for entry in entries if isinstance(entry.get("id"), str)}


def _read_front_matter(content: bytes) -> dict[str, Any]:
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
