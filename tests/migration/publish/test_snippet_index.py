"""The indexes are built from what was copied; the old ones add what only they know."""

from pathlib import Path
from typing import Any

import pytest

from teleclaude.migration.publish.snippet_index import make_index, make_third_party_index, read_front_matter

DOCS = Path("/share/docs")
FRONT: dict[str, Any] = {"id": "a", "type": "policy", "description": "d"}


@pytest.mark.parametrize("missing", ["id", "type", "description"])
def test_a_file_without_one_of_the_required_keys_is_not_listed(missing: str) -> None:
    fronts = {Path("a.md"): FRONT | {missing: None}, Path("third-party/a.md"): FRONT}
    assert make_index(DOCS, fronts, b"")["snippets"] == []


@pytest.mark.parametrize("old", [b"snippets: 3", b"snippets: [3]", b"{", b"snippets: [{id: [a]}, {path: [b]}]"])
def test_an_old_index_that_is_none_adds_nothing(old: bytes) -> None:
    assert make_index(DOCS, {Path("a.md"): FRONT}, old)["snippets"][0]["id"] == "a"
    assert make_third_party_index(DOCS, {Path("third-party/a.md"): {}}, old)["snippets"] == []


@pytest.mark.parametrize("path", ["docs/third-party/x/a.md", "third-party/x/a.md", "x/a.md", "/old/third-party/x/a.md"])
def test_an_entry_of_the_old_index_is_found_by_its_path_whatever_that_is_relative_to(path: str) -> None:
    old = f"snippets: [{{id: third-party/x/a, description: d, scope: global, path: {path}}}]".encode()
    index = make_third_party_index(DOCS, {Path("third-party/x/a.md"): {}, Path("third-party/new.md"): {"id": "n"}}, old)
    assert index == {
        "snippets_root": "/share/docs/third-party",
        "snippets": [
            {"id": "n", "path": "new.md"},
            {"id": "third-party/x/a", "description": "d", "scope": "global", "path": path},
        ],
    }


def test_front_matter_is_read_with_any_line_ends_and_only_from_the_first_line() -> None:
    assert read_front_matter(b"---\r\nid: a\r\n---\r\n") == {"id": "a"}
    assert read_front_matter(b"x\n---\nid: a\n---\n") == read_front_matter(b"---\nid: [\n---\n") == {}
