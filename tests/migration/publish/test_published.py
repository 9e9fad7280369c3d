"""Only what has the mark of a run is taken for its own, and removed."""

from pathlib import Path

import pytest

from teleclaude.migration.publish.published import beside, is_of, remove_docs, remove_files
from teleclaude.migration.source.inventory import Inventory

MARK = "# Written by teleclaude migrate-to-system, run r1.\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Publish two snippets and their index, and let somebody else put one among them."""
    folder = tmp_path / "share/docs"
    (folder / "general").mkdir(parents=True)
    (folder / "index.yaml").write_text(f"{MARK}snippets: []\n")
    for name in ("one.md", "general/two.md", "theirs.md"):
        (folder / name).touch()
    return folder


SNIPPETS = (Path("one.md"), Path("general/two.md"))


def test_a_file_is_of_the_run_whose_mark_is_in_its_first_line(inventory: Inventory, tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    assert not is_of(inventory, "r1", path)
    path.write_text(f"{MARK}a: 1\n")
    assert is_of(inventory, "r1", path)
    assert not is_of(inventory, "r2", path)
    path.write_text(f"a: 1\n{MARK}")
    assert not is_of(inventory, "r1", path)


def test_a_folder_is_of_the_run_whose_mark_is_in_its_index(inventory: Inventory, docs: Path) -> None:
    assert is_of(inventory, "r1", docs)
    assert not is_of(inventory, "r2", docs)


def test_only_files_of_the_run_are_removed(inventory: Inventory, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "config.yml", tmp_path / "secrets.yml"
    ours.write_text(MARK)
    theirs.write_text("a: 1\n")
    remove_files(inventory, "r1", (ours, theirs, tmp_path / "gone.yml"))
    assert list(tmp_path.iterdir()) == [theirs]


def test_what_others_put_among_the_snippets_stays(docs: Path) -> None:
    beside(docs, "r1").mkdir()
    remove_docs("r1", docs, SNIPPETS)
    assert not beside(docs, "r1").exists()
    assert [path.name for path in docs.iterdir()] == ["theirs.md"]


def test_snippets_of_another_run_stay(docs: Path) -> None:
    remove_docs("r2", docs, SNIPPETS)
    assert (docs / "one.md").exists()
    assert (docs / "index.yaml").exists()


def test_a_link_in_the_place_of_the_snippets_is_not_followed(docs: Path) -> None:
    docs.rename(docs.with_name("elsewhere"))
    docs.symlink_to("elsewhere")
    remove_docs("r1", docs, SNIPPETS)
    assert (docs.with_name("elsewhere") / "one.md").exists()
