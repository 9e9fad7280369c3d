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


def test_more_files_than_the_limit_are_refused(places: Places, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "MAX_ENTRIES", 1)
    with pytest.raises(SourceError, match=f"or 1 files or folders, up to {top}"):
        find_docs(Privsep(), places)
