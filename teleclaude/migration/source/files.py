"""Reading files of the old installation: with its owner's rights, regular files only, and up to their first size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from teleclaude.errors import SourceError
from teleclaude.migration.source.installation import SourceFile
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.problems import CHANGED, COPY_CHANGED, COPY_FAILED, READ_FAILED, TOO_LARGE
from teleclaude.migration.source.stoppable import go_on
from teleclaude.migration.source.unprivileged import open_regular

_CHUNK = 1 << 20
CONFIG_LIMIT = 16 << 20
"""Bytes of a configuration file."""

FILE_LIMIT = 1 << 30
"""Bytes of any other file, databases excepted."""


def open_source(privsep: Privsep, path: Path, *, exact: bool = False) -> int:
    """Return the descriptor of a regular file; `exact` follows no link. Raises SourceError, FileNotFoundError."""
    return privsep.open(open_regular, str(path), exact)


@contextmanager
def opened(privsep: Privsep, path: Path, *, exact: bool = False) -> Iterator[int]:
    """Open a regular file as `open_source` does, and close it at the end."""
    descriptor = open_source(privsep, path, exact=exact)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_chunks(descriptor: int, path: Path, limit: int | None) -> Iterator[bytes]:
    """Yield the content that a file had when it was opened.

    Raises SourceError where it is larger than `limit` bytes, or has another size at the end.
    """
    left = os.fstat(descriptor).st_size
    if limit is not None and left > limit:
        raise SourceError(TOO_LARGE.fill(path=path, megabytes=limit >> 20))
    try:
        while left and (chunk := os.read(descriptor, min(_CHUNK, left))):
            go_on()
            left -= len(chunk)
            yield chunk
        grown = os.read(descriptor, 1)
    except OSError as error:
        raise SourceError(READ_FAILED.fill(path=path, reason=error.strerror)) from None
    if left or grown:
        raise SourceError(CHANGED.fill(path=path))


def read_file(privsep: Privsep, path: Path, limit: int, *, exact: bool = False) -> bytes:
    """Return the content of a regular file; raises SourceError, FileNotFoundError."""
    with opened(privsep, path, exact=exact) as descriptor:
        return b"".join(read_chunks(descriptor, path, limit))


def copy_file(privsep: Privsep, source: Path, copy: Path, limit: int | None) -> str:
    """Copy a regular file and return the sha256 of what was copied; raises SourceError, FileNotFoundError."""
    digest = hashlib.sha256()
    with opened(privsep, source) as descriptor:
        try:
            with copy.open("xb") as writer:
                for chunk in read_chunks(descriptor, source, limit):
                    digest.update(chunk)
                    writer.write(chunk)
        except OSError as error:
            raise SourceError(COPY_FAILED.fill(path=source, copy=copy, reason=error.strerror)) from None
    return digest.hexdigest()


def digest_now(privsep: Privsep, file: SourceFile) -> str:
    """Return the sha256 of the content that a file has now, the empty string where it is gone; raises SourceError.

    The file is compared with its copy first, which takes a fraction of the time of a sha256.
    """
    if file.copy is not None and _is_same(privsep, file.path, file.copy):
        return file.sha256
    return hash_file(privsep, file.path)


def _is_same(privsep: Privsep, path: Path, copy: Path) -> bool:
    try:
        with opened(privsep, path) as descriptor, copy.open("rb") as copied:
            same = all(chunk == copied.read(len(chunk)) for chunk in read_chunks(descriptor, path, None))
            return same and not copied.read(1)
    except OSError:
        return False


def require_copies(copies: Mapping[Path, str]) -> None:
    """Raise SourceError where a private copy does not have the sha256 that it had when it was made."""
    for copy, digest in copies.items():
        if hash_file(Privsep(), copy, exact=True) != digest:
            raise SourceError(COPY_CHANGED.fill(copy=copy))


def hash_file(privsep: Privsep, path: Path, limit: int | None = None, *, exact: bool = False) -> str:
    """Return the sha256 of a regular file, the empty string where there is none; raises SourceError."""
    digest = hashlib.sha256()
    try:
        with opened(privsep, path, exact=exact) as descriptor:
            for chunk in read_chunks(descriptor, path, limit):
                digest.update(chunk)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()
