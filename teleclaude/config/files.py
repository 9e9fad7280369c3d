"""Reading and writing configuration files."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from teleclaude.config.comments import quote_lines
from teleclaude.config.folders import list_folder, opened_folder, sync_folder
from teleclaude.config.layers import resolve
from teleclaude.config.parse import MOST_BYTES, env_comments, parse_env, parse_yaml, to_text, unread_lines
from teleclaude.config.problems import CLOSED, EXISTS, MISSING, UNREADABLE, UNWRITABLE
from teleclaude.config.schema import Settings, make_settings
from teleclaude.config.sections import OUR_OWN
from teleclaude.errors import ConfigError, PublishError
from teleclaude.layout import Layout


class ClosedError(ConfigError):
    """A file is closed to the user of this process."""


_TEMPORARY = re.compile(r"\.teleclaude-[0-9a-f]{16}")
"""The name of a file while it is written."""


def read_yaml(path: Path, *, called: Path | None = None, required: bool = True) -> dict[str, Any]:
    """Return the mapping in the YAML file at `path`; an empty file, or a missing one that is not required, is empty.

    Raises ConfigError that names the file and the line; `called` is the name of the original where `path` is a copy.
    """
    data, called = read_bytes(path), called or path
    if data is None and required:
        raise ConfigError(MISSING.fill(path=called), path=called)
    return parse_yaml(data or b"", called)


def read_text(path: Path) -> str:
    """Return the text of the YAML file at `path`, an empty one where there is none; raises ConfigError."""
    return to_text(read_bytes(path) or b"", path)


def read_env(path: Path, environ: Mapping[str, str], *, called: Path | None = None) -> dict[str, str]:
    """Return the variables that the `.env` file at `path` sets; a missing file sets none.

    `environ` is the environment of the process that would have loaded the file. Raises ConfigError that names the file
    and the line; `called` is the name of the original where `path` is a copy.
    """
    return parse_env(read_bytes(path) or b"", called or path, environ)


def find_unread(path: Path) -> tuple[int, ...]:
    """Return the lines of the `.env` file at `path` that set nothing; raises ConfigError."""
    return unread_lines(read_bytes(path) or b"", path)


def quote_env(path: Path) -> str:
    """Return the comments of the `.env` file at `path`, as comments of a YAML file; raises ConfigError."""
    return quote_lines(".env", *env_comments(read_bytes(path) or b"", path))


def read_bytes(path: Path) -> bytes | None:
    """Return the bytes of a file, at most `MOST_BYTES` + 1, None where there is no file; raises ConfigError."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        # A change of the mode would open secrets to others.
        raise ClosedError(CLOSED.fill(path=path), path=path) from error
    except OSError as error:
        raise ConfigError(UNREADABLE.fill(path=path, reason=error.strerror), path=path) from None


def read_system(layout: Layout, environ: Mapping[str, str]) -> Settings:
    """Return the configuration of a system-wide installation: system and secrets, no user's.

    Raises ConfigError.
    """
    system, private = read_yaml(layout.system_config), read_yaml(layout.secrets)
    return make_settings(resolve(system, private, {}, environ), f"{layout.system_config} and {layout.secrets}")


def read_single_user(checkout: Path, environ: Mapping[str, str]) -> Settings:
    """Return the configuration of the single-user installation in `checkout`: config.yml and .env.

    Raises ConfigError.
    """
    path = checkout / "config.yml"
    variables = {"environment": read_env(checkout / ".env", environ)}
    known = {key: value for key, value in read_yaml(path).items() if key not in OUR_OWN}
    return make_settings(resolve(known, variables, {}, environ), str(path))


def write_new(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Put a new file in its place: complete or not at all, with `mode` and `owner` (user, group) from its first moment.

    Raises PublishError where something exists there already; it is never replaced.
    """
    temporary = f".teleclaude-{secrets.token_hex(8)}"
    try:
        with opened_folder(path.parent) as folder:
            try:
                _write_whole(temporary, content, mode, owner, folder)
                # link(2), unlike rename(2), refuses to replace what is there.
                os.link(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
            sync_folder(folder)
    except FileExistsError:
        raise PublishError(EXISTS.fill(path=path)) from None
    except OSError as error:
        raise PublishError(UNWRITABLE.fill(path=path, reason=error.strerror, folder=path.parent)) from None


def _write_whole(name: str, content: bytes, mode: int, owner: tuple[int, int] | None, folder: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(content)
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())


def remove_temporaries(folder: Path) -> None:
    """Remove the half-written files that a killed process left in a folder; raises PublishError, OSError."""
    with suppress(FileNotFoundError, NotADirectoryError), opened_folder(folder) as here:
        for name in filter(_TEMPORARY.fullmatch, list_folder(here)):
            with suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(name, dir_fd=here)


def has_first_line(name: str, text: bytes, folder: int) -> os.stat_result | None:
    """Return what `name` in a folder is, if it is a file whose first line holds `text`; None otherwise."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    try:
        state = os.fstat(descriptor)
        marked = stat.S_ISREG(state.st_mode) and text in os.read(descriptor, 4096).partition(b"\n")[0]
        return state if marked else None
    finally:
        os.close(descriptor)


def remove_marked(path: Path, text: bytes) -> None:
    """Remove the file at `path` if its first line holds `text`; anything else stays."""
    with suppress(FileNotFoundError, NotADirectoryError), opened_folder(path.parent) as folder:
        found = has_first_line(path.name, text, folder)
        if found is not None and os.path.samestat(found, os.stat(path.name, dir_fd=folder, follow_symlinks=False)):
            os.unlink(path.name, dir_fd=folder)
            sync_folder(folder)
