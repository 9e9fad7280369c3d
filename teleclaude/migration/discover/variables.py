"""Variables that the old configuration names and that are not its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from teleclaude.config.files import read_yaml
from teleclaude.config.layers import find_references
from teleclaude.config.secrecy import looks_secret
from teleclaude.config.sections import IGNORED_SECTIONS
from teleclaude.errors import ConfigError
from teleclaude.layout import Layout
from teleclaude.migration.discover.installation import read_variables
from teleclaude.migration.report.events import Finding, warning
from teleclaude.migration.source.inventory import ConfigFiles, Places
from teleclaude.printable import printable

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def make_account_variables(places: Places, user: str | None) -> dict[str, str]:
    """Return what a login gives to the environment of a process (POSIX, environment variables), as far as known."""
    return {"HOME": str(places.home), **({"USER": user, "LOGNAME": user} if user else {})}


def find_unset(
    files: ConfigFiles | None, places: Places, account: Mapping[str, str], layout: Layout
) -> tuple[Finding, ...]:
    """Return a warning for each file of everyone's that names variables which only the old process can have had."""
    if files is None:
        return ()
    try:
        known = {*read_variables(files, places), *account}
        named = [(path, read_yaml(path, required=False)) for path in (files.config, files.everyone)]
    except ConfigError:
        # It is refused where the values are needed.
        return ()
    found = [(files.origins[path], ", ".join(_list_unset(values, known))) for path, values in named]
    hint = f"if the old daemon had them from elsewhere, set them under environment in {layout.secrets}"
    return tuple(
        warning("configuration", f"{path} names variables that .env does not set: {unset}", hint)
        for path, unset in found
        if unset
    )


def _list_unset(values: dict[str, Any], known: set[str]) -> Iterator[str]:
    read = {key: value for key, value in values.items() if key not in IGNORED_SECTIONS}
    for way, name in find_references(read):
        if name not in known and NAME.fullmatch(name) and not looks_secret(name, frozenset()):
            keys = ("…" if looks_secret(key, frozenset()) else printable(key) for key in way)
            yield f"{name} in {'.'.join(keys)}"
