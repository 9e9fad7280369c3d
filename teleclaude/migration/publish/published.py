"""What a run has published: its files are known by the mark in their first line, and by nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from teleclaude.config.files import has_first_line, remove_marked, remove_temporaries
from teleclaude.config.folders import opened_folder
from teleclaude.errors import PublishError
from teleclaude.migration.plan.plan import MARK
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.known_files import INDEX
from teleclaude.migration.source.privsep import Privsep, privsep_for
from teleclaude.migration.state.workspace import remove_empty


def writer_of(inventory: Inventory, path: Path) -> Privsep:
    """Return whose rights a file is written and removed with: in the home those of the user."""
    return privsep_for(inventory.account if inventory.as_service_user and path == inventory.user_config else None)


def is_of(inventory: Inventory, run: str, path: Path) -> bool:
    """Whether a run has written a file, or the index in a folder of snippets."""
    return writer_of(inventory, path).call(_has_mark, str(path), run)


def _has_mark(path: str, run: str) -> bool:
    file = Path(path, INDEX) if Path(path).is_dir() else Path(path)
    with suppress(OSError, PublishError), opened_folder(file.parent) as folder:
        return has_first_line(file.name, _mark(run), folder) is not None
    return False


def _mark(run: str) -> bytes:
    return MARK.format(run=run).encode()


def remove_files(inventory: Inventory, run: str, paths: tuple[Path, ...]) -> None:
    """Remove those files that a run has written, and the unfinished ones of a killed run.

    Raises PublishError, OSError.
    """
    for path in paths:
        writer_of(inventory, path).call(_remove_file, str(path), run)


def _remove_file(path: str, run: str) -> None:
    remove_marked(Path(path), _mark(run))
    remove_temporaries(Path(path).parent)


def beside(docs: Path, run: str) -> Path:
    """Return where a run keeps the snippets until they are moved to their place."""
    return docs.with_name(f".docs-{run}")


def remove_docs(run: str, docs: Path, names: Sequence[Path]) -> None:
    """Remove the snippets that a run has published, and what a killed run left beside them; raises PublishError.

    What somebody else put among them stays. The index with the mark is removed last, so that a run that is killed in
    the middle leaves nothing without its mark.
    """
    with suppress(FileNotFoundError, NotADirectoryError), opened_folder(docs.parent) as around:
        shutil.rmtree(beside(docs, run).name, dir_fd=around, ignore_errors=True)
    if not docs.is_symlink() and _has_mark(str(docs), run):
        for name in (*names, INDEX):
            with suppress(FileNotFoundError), opened_folder((docs / name).parent) as folder:
                os.unlink(name.name, dir_fd=folder)
        remove_empty(tuple(sorted({docs / parent for name in names for parent in name.parents if parent != Path()})))
