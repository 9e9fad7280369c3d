"""Shared snippets are copied to a folder for everybody, and their indexes are built anew."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from teleclaude.config.edit import to_yaml
from teleclaude.config.files import write_new
from teleclaude.config.folders import opened_folder, sync_folder
from teleclaude.errors import PublishError, SourceError
from teleclaude.migration.plan.plan import MARK, Plan
from teleclaude.migration.publish.published import beside, remove_docs
from teleclaude.migration.publish.references import References
from teleclaude.migration.publish.snippet_index import make_index, make_third_party_index, read_front_matter
from teleclaude.migration.report.events import Event, FileResult, LostReference, note
from teleclaude.migration.source.files import read_file
from teleclaude.migration.source.installation import DocFile
from teleclaude.migration.source.known_files import DOC_BYTES, INDEX, THIRD_PARTY
from teleclaude.migration.source.privsep import privsep_for
from teleclaude.migration.state.workspace import remove_empty
from teleclaude.migration.steps.problems import DOCS_NOT_WRITTEN, FILE_CHANGED, NO_SNIPPETS

_MODE = 0o644


async def publish_docs(plan: Plan) -> AsyncGenerator[Event, None]:
    """Copy the snippets; raises PublishError."""
    if not plan.inventory.docs:
        yield note("docs", NO_SNIPPETS)
        return
    for result in _build(plan, plan.inventory.private / "docs") if plan.options.dry_run else _put_in_place(plan):
        yield result


def _put_in_place(plan: Plan) -> list[FileResult | LostReference]:
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


def _build(plan: Plan, folder: Path) -> Iterator[FileResult | LostReference]:
    inventory, docs = plan.inventory, _find_new_place(plan)
    fronts: dict[Path, dict[str, Any]] = {}
    old_indexes = {INDEX: _read_doc(plan, inventory.docs_index) if inventory.docs_index else b""}
    references = _find_references(plan, docs)
    for doc in sorted(inventory.docs, key=lambda doc: doc.relative):
        name, copied = doc.relative, references.rewrite(doc.relative, _read_doc(plan, doc))
        yield from (LostReference(str(inventory.layout.docs / name), *astuple(lost)) for lost in copied.lost)
        if name == THIRD_PARTY / INDEX:
            old_indexes[name] = copied.content
            continue
        fronts[name] = read_front_matter(copied.content) if name.suffix == ".md" else {}
        yield _write(plan, folder, name, copied.content, copied.changed)
    for name, old in old_indexes.items():
        make = make_index if name == INDEX else make_third_party_index
        yield _write(plan, folder, name, to_yaml(make(docs, fronts, old), MARK.format(run=plan.run)).encode())


def _find_new_place(plan: Plan) -> Path:
    """Return the place of the docs as who reads them names it, without `--root`."""
    layout = plan.inventory.layout
    return Path("/") / layout.docs.relative_to(layout.root) if layout.root else layout.docs


def _find_references(plan: Plan, docs: Path) -> References:
    inventory = plan.inventory
    places = (inventory.home / ".teleclaude/docs", inventory.checkout / "docs/global")
    copied = (INDEX, *(doc.relative for doc in inventory.docs))
    return References(places, docs, copied, dict(inventory.docs_left))


def _read_doc(plan: Plan, doc: DocFile) -> bytes:
    """Return the content that discovery saw; raises SourceError where it is another one now."""
    seen = next((file.sha256 for file in plan.inventory.files if file.path == doc.real), None)
    with suppress(FileNotFoundError):
        content = read_file(privsep_for(plan.inventory.account), doc.real, DOC_BYTES, exact=True)
        if hashlib.sha256(content).hexdigest() == seen:
            return content
    raise SourceError(FILE_CHANGED.fill(path=doc.real))


def _write(plan: Plan, folder: Path, relative: Path, content: bytes, references: int = 0) -> FileResult:
    path = folder / relative
    with opened_folder(path.parent, make=True):
        write_new(path, content, _MODE, (0, 0) if plan.inventory.as_service_user else None)
    digest = hashlib.sha256(content).hexdigest()
    return FileResult(
        str(plan.inventory.layout.docs / relative), "docs", f"{_MODE:04o}", "root:root", digest, references
    )


async def undo_publish_docs(plan: Plan) -> None:
    """Remove the snippets that this run has published, and the directories that were made for them."""
    remove_docs(plan.run, plan.inventory.layout.docs, [doc.relative for doc in plan.inventory.docs])
    remove_empty(plan.inventory.destinations.new_directories)
