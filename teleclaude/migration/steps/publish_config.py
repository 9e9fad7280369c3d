"""The new configuration files are put in their places."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path

from teleclaude.config.files import write_new
from teleclaude.config.folders import opened_folder
from teleclaude.errors import PublishError
from teleclaude.migration.plan.plan import Plan, published_paths
from teleclaude.migration.publish.published import remove_files, writer_of
from teleclaude.migration.publish.render import prepare_config
from teleclaude.migration.report.events import Event, FileResult
from teleclaude.migration.state.workspace import remove_empty
from teleclaude.migration.steps.problems import NOT_WRITTEN


async def publish_config(plan: Plan) -> AsyncGenerator[Event, None]:
    """Write the system's configuration, the secrets and the user's; raises PublishError or ConfigError."""
    prepared = prepare_config(plan)
    for left in prepared.left:
        yield left
    for file in prepared.files:
        if not plan.options.dry_run:
            privsep = writer_of(plan.inventory, file.path)
            privsep.call(_write_file, str(file.path), file.content.decode(), file.mode, file.numeric_owner)
        digest = hashlib.sha256(file.content).hexdigest()
        yield FileResult(str(file.path), file.kind, f"{file.mode:04o}", file.owner, digest)


def _write_file(path: str, text: str, mode: int, owner: tuple[int, int] | None) -> None:
    """Write a new file, and make its folder; raises PublishError."""
    try:
        with opened_folder(Path(path).parent, make=True):
            write_new(Path(path), text.encode(), mode, owner)
    except OSError as error:
        raise PublishError(NOT_WRITTEN.fill(path=path, reason=error.strerror)) from None


async def undo_publish_config(plan: Plan) -> None:
    """Remove the files that have the mark of this run, and the directories that were made for them."""
    remove_files(plan.inventory, plan.run, published_paths(plan))
    remove_empty(plan.inventory.destinations.new_directories)
