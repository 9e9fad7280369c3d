"""The files with the settings of agents: read, kept, and replaced as their user.

A file is complete or as it was, and keeps its mode. A link is followed to a regular file of the user's own, no further.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from teleclaude.errors import TeleClaudeError
from teleclaude.hook import problems

_LONGEST = 16 * 1024 * 1024


def kept_file(path: Path) -> Path:
    """Return the place of the copy of a file from before the first change (`plan/cutover` names it so, too)."""
    return path.with_name(f".{path.name.lstrip('.')}.single-user")


def read_text(path: Path) -> str | None:
    """Return a file, None where there is none; raises TeleClaudeError where it cannot be one of an agent."""
    try:
        file = os.open(os.path.realpath(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        if path.is_symlink():
            raise TeleClaudeError(problems.NOT_OUR_FILE.fill(path=path)) from None
        return None
    except OSError as error:
        raise TeleClaudeError(problems.UNREADABLE.fill(path=path, reason=error.strerror)) from None
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_size > _LONGEST:
            raise TeleClaudeError(problems.NOT_OUR_FILE.fill(path=path))
        try:
            return opened.read().decode()
        except UnicodeDecodeError:
            raise TeleClaudeError(problems.UNREADABLE.fill(path=path, reason="it is not UTF-8")) from None


def write_text(path: Path, before: str | None, text: str) -> None:
    """Put `text` in the place of `before`, unless the file has changed in the meantime; raises TeleClaudeError."""
    real = Path(os.path.realpath(path))
    mode = stat.S_IMODE(real.stat().st_mode) if before is not None else 0o600
    made = real.with_name(f".{real.name}.{os.getpid()}.new")
    try:
        file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(text.encode())
            opened.flush()
            os.fchmod(file, mode)
            os.fsync(file)
        # An agent that runs may write its settings at any time.
        if read_text(path) != before:
            raise TeleClaudeError(problems.CHANGED_MEANWHILE.fill(path=path))
        made.rename(real)
    except OSError as error:
        raise TeleClaudeError(problems.UNWRITABLE.fill(path=path, reason=error.strerror)) from None
    finally:
        with suppress(FileNotFoundError):
            made.unlink()


def keep(path: Path, text: str) -> None:
    """Keep the content of a file from before the first change; an older copy stays. Raises TeleClaudeError."""
    kept = kept_file(path)
    if read_text(kept) is None:
        write_text(kept, None, text)
