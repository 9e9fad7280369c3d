"""The configuration files as a rehearsal shows them: of secrets the names alone. Pure."""

from __future__ import annotations

from teleclaude.config.edit import to_yaml
from teleclaude.config.parse import parse_yaml
from teleclaude.config.secrecy import mask
from teleclaude.migration.publish.render import PreparedFile
from teleclaude.migration.report.events import FilePreview


def preview(file: PreparedFile) -> FilePreview:
    """Return a file as it would be written; what is secret about it is masked."""
    text = file.content.decode()
    if file.kind == "secrets":
        heading = "\n".join(line.removeprefix("# ") for line in text.splitlines()[:2])
        text = to_yaml(mask(parse_yaml(file.content, file.path)), heading)
    return FilePreview(str(file.path), file.kind, text)
