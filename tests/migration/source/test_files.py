"""Files of the old installation are read up to the size that they had, and compared with their copies."""

import hashlib
import os
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.source.files import copy_file, digest_now, hash_file, opened, read_chunks, read_file
from teleclaude.migration.source.installation import SourceFile
from teleclaude.migration.source.privsep import Privsep

OURS = Privsep()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file of ten bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_read_whole_up_to_the_limit(file: Path) -> None:
    assert read_file(OURS, file, 10) == b"0123456789"
    with pytest.raises(SourceError, match="file is larger than 0 MB"):
        read_file(OURS, file, 9)


@pytest.mark.parametrize("size", [2 << 20, (3 << 20) + 1])
def test_a_file_whose_size_changes_while_it_is_read_is_refused(file: Path, size: int) -> None:
    os.truncate(file, 3 << 20)
    with opened(OURS, file) as descriptor:
        chunks = read_chunks(descriptor, file, None)
        next(chunks)
        os.truncate(file, size)
        with pytest.raises(SourceError, match="changed during the migration"):
            list(chunks)


def test_a_copy_holds_the_content_and_its_sha256_is_returned(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert copy_file(OURS, file, copy, None) == sha256(b"0123456789")
    assert copy.read_bytes() == b"0123456789"


def test_a_copy_never_replaces_a_file(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_text("mine")
    with pytest.raises(SourceError, match="copy: File exists"):
        copy_file(OURS, file, copy, None)
    assert copy.read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"012345678", b"0123456789x", b"012345678x"])
def test_a_file_that_differs_from_its_copy_has_another_sha256(file: Path, tmp_path: Path, content: bytes) -> None:
    copy = tmp_path / "copy"
    seen = SourceFile(file, copy_file(OURS, file, copy, None), copy)
    assert digest_now(OURS, seen) == seen.sha256
    file.write_bytes(content)
    assert digest_now(OURS, seen) == sha256(content)
    file.unlink()
    assert digest_now(OURS, seen) == ""


def test_a_missing_file_has_no_sha256(tmp_path: Path) -> None:
    assert hash_file(OURS, tmp_path / "missing") == ""
