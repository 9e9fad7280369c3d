"""The configuration files as a rehearsal shows them: of secrets the names alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from teleclaude.config.edit import to_yaml
from teleclaude.config.parse import parse_yaml
from teleclaude.config.secrecy import looks_secret
from teleclaude.migration.events import FilePreview
from teleclaude.migration.prepare import PreparedFile

MASK = "***"
NAMED = ("environment", "profiles")
"""The mappings of secrets.yml whose keys are names of variables and of people."""


def preview(file: PreparedFile) -> FilePreview:
    """Return a file as it would be written; what is secret about it is masked."""
    text = file.content.decode()
    if file.kind == "secrets":
        heading = "\n".join(line.removeprefix("# ") for line in text.splitlines()[:2])
        text = to_yaml(mask(parse_yaml(file.content, file.path)), heading)
    return FilePreview(str(file.path), file.kind, text)


def mask(secrets: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the names of secrets; a name that looks like a secret itself is masked, too."""
    return {
        _name(key): mask_values(value) if key in NAMED and isinstance(value, dict) else MASK
        for key, value in secrets.items()
    }


def mask_values(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the names of variables or people, each with a mask for what belongs to it."""
    return {_name(key): MASK for key in values}


def _name(key: Any) -> str:
    return MASK if looks_secret(str(key), ()) else str(key)
