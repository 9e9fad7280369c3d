"""The configuration files take their places."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path

from teleclaude.config.files import write_new
from teleclaude.config.folders import opened_folder, remove_marked
from teleclaude.errors import PublishError
from teleclaude.migration.deputy import Deputy, deputy_for
from teleclaude.migration.journal import remove_empty
from teleclaude.migration.plan import Plan
from teleclaude.migration.prepare import MARK, PreparedFile, prepare_config
from teleclaude.migration.report import Event, FileResult


async def publish_config(plan: Plan) -> AsyncGenerator[Event, None]:
    """Write the system's configuration, the secrets and the user's; raises PublishError or ConfigError."""
    prepared = prepare_config(plan)
    for left in prepared.left:
        yield left
    for file in prepared.files:
        if not plan.dry_run:
            deputy = writer_of(plan, file.path)
            deputy.call(write_file, str(file.path), file.content.decode(), file.mode, file.numeric_owner)
        yield to_result(file)


def writer_of(plan: Plan, path: Path) -> Deputy:
    """Return who writes and removes a file: in his own home the user himself."""
    return deputy_for(plan.account if plan.as_service_user and path == plan.user_config else None)


def write_file(path: str, text: str, mode: int, owner: tuple[int, int] | None) -> None:
    """Put a new file in its place, and make its folder; raises PublishError."""
    try:
        with opened_folder(Path(path).parent, make=True):
            write_new(Path(path), text.encode(), mode, owner)
    except OSError as error:
        raise PublishError(f"{path} cannot be written: {error.strerror}", "see to the place and run again") from None


def to_result(file: PreparedFile) -> FileResult:
    """Return what the report says of a file."""
    digest = hashlib.sha256(file.content).hexdigest()
    return FileResult(str(file.path), file.kind, f"{file.mode:04o}", file.owner, digest)


def published_paths(plan: Plan) -> tuple[Path, ...]:
    """Return the places of the three files."""
    return plan.layout.system_config, plan.layout.secrets, plan.user_config


async def undo_publish_config(plan: Plan) -> None:
    """Remove the files that carry the mark of this run, and the directories that were made for them."""
    for path in published_paths(plan):
        writer_of(plan, path).call(remove_file, str(path), MARK.format(run=plan.run))
    remove_empty(plan.new_directories)


def remove_file(path: str, mark: str) -> None:
    """Remove a file if its first line holds the mark; anything else stays."""
    remove_marked(Path(path), mark.encode())
