"""The configuration files take their places."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path

from teleclaude.config.files import write_new
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
            file.path.parent.mkdir(parents=True, exist_ok=True)
            write_new(file.path, file.content, file.mode, file.numeric_owner)
        yield to_result(file)


def to_result(file: PreparedFile) -> FileResult:
    """Return what the report says of a file."""
    digest = hashlib.sha256(file.content).hexdigest()
    return FileResult(str(file.path), file.kind, f"{file.mode:04o}", file.owner, digest)


def published_paths(plan: Plan) -> tuple[Path, ...]:
    """Return the places of the three files."""
    return plan.layout.system_config, plan.layout.secrets, plan.user_config


async def undo_publish_config(plan: Plan) -> None:
    """Remove the files that carry the mark of this run, and the directories that were made for them."""
    mark = MARK.format(run=plan.run).encode()
    for path in published_paths(plan):
        if path.is_file() and not path.is_symlink() and mark in path.read_bytes().partition(b"\n")[0]:
            path.unlink()
    remove_empty(plan.new_directories)
