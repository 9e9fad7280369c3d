"""Snippets are found through links into the docs alone; everything else is left out with its reason."""

import os
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.discover import docs
from teleclaude.migration.discover.docs import find_docs
from teleclaude.migration.source.installation import DocFile, Places
from teleclaude.migration.source.privsep import Privsep


@pytest.fixture
def top(places: Places) -> Path:
    """Make a docs folder with an index and a link to a folder of the checkout's docs."""
    top = places.state / "docs"
    shared = places.checkout / "docs/global"
    for folder in (top, shared):
        folder.mkdir(parents=True)
    (top / "index.yaml").write_text("x")
    (shared / "a.md").write_text("x")
    (top / "general").symlink_to(shared)
    return top


def test_an_installation_without_docs_has_none(places: Places) -> None:
    assert find_docs(Privsep(), places).all == ()


def test_a_snippet_behind_a_link_into_the_checkouts_docs_is_found(places: Places, top: Path) -> None:
    found = find_docs(Privsep(), places)
    assert found.files == (DocFile(Path("general/a.md"), places.checkout / "docs/global/a.md"),)
    assert found.index == DocFile(Path("index.yaml"), top / "index.yaml")
    assert found.left == ()


def test_what_is_not_published_has_a_reason(places: Places, top: Path) -> None:
    (places.home / "private.md").write_text("x")
    (top / "out.md").symlink_to(places.home / "private.md")
    (top / "broken.md").symlink_to("nowhere")
    (top / "self").symlink_to(".")
    (top / "two\nlines.md").write_text("x")
    os.mkfifo(top / "pipe")
    with (top / "large.md").open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert dict(find_docs(Privsep(), places).left) == {
        "out.md": docs.OUTSIDE,
        "broken.md": docs.NOTHING,
        "self": docs.CIRCLE,
        "two\\x0alines.md": docs.ODD_NAME,
        "pipe": docs.SPECIAL,
        "large.md": docs.LARGE,
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# Keys\n\n-----BEGIN OPENSSH PRIVATE KEY-----\n", "line 3 holds a private key or a token"),
        ("token: ghp_0123456789abcdefghijABCDEFGHIJ012345", "line 1 holds a private key or a token"),
        ("Set `token: YOUR_TOKEN`, never commit a password=hunter2; sk-learn-is-a-library-of-python.", None),
    ],
)
def test_a_snippet_that_tells_a_secret_is_left_out_with_its_line(
    places: Places, top: Path, text: str, reason: str | None
) -> None:
    (top / "told.md").write_text(text)
    assert dict(find_docs(Privsep(), places).left).get("told.md") == reason


def test_more_files_than_the_limit_are_refused(places: Places, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "MAX_ENTRIES", 1)
    with pytest.raises(SourceError, match=f"or 1 files or folders, up to {top}"):
        find_docs(Privsep(), places)


def test_folders_of_docs_that_lie_too_deep_in_each_other_are_refused_at_once(places: Places, top: Path) -> None:
    (top / "/".join("d" * 101)).mkdir(parents=True)
    with pytest.raises(SourceError, match=f"{top} holds more than 100 folders in each other"):
        find_docs(Privsep(), places)
