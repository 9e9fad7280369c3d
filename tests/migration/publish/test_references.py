"""References between snippets lead to the copies; every other byte of a snippet stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.publish.references import Lost, References

NEW = "/usr/local/share/teleclaude/docs"
REFERENCES = References(
    (Path("/home/ada b/.teleclaude/docs"), Path("/src/tele/docs/global")),
    Path(NEW),
    (Path("general/policy/commits.md"), Path("general/Ünï x.md")),
    {"keys.md": "line 3 holds a token", "out": "a link to a place outside the docs"},
)
NAME = Path("general/concept/here.md")


def rewrite(text: str, name: Path = NAME) -> str:
    return REFERENCES.rewrite(name, text.encode()).content.decode()


@pytest.mark.parametrize(
    "place",
    [
        "~/.teleclaude/docs",
        "~ada/.teleclaude/docs",
        "$HOME/.teleclaude/docs",
        "${HOME}/.teleclaude/docs",
        "/home/ada/.teleclaude/docs",
        "/Users/ada/.teleclaude/docs",
        "/home/ada b/.teleclaude/docs",
        "/src/tele/docs/global",
    ],
)
def test_every_spelling_of_the_old_place_becomes_the_new_one(place: str) -> None:
    for before, behind in [("- ", ""), ("(", ")."), ("`", "`"), ("**", "**"), ("see ", ", too"), ("", "#commits")]:
        text = f"{before}@{place}/general/policy/commits.md{behind}"
        assert rewrite(text) == text.replace(place, NEW)


@pytest.mark.parametrize("name", ["general/Ünï x.md", "general", "general/", "", "/", "general//policy/../Ünï x.md"])
def test_a_name_with_spaces_and_a_folder_are_found(name: str) -> None:
    assert rewrite(f"@~/.teleclaude/docs/{name}, and") == f"@{NEW}/{name}, and"


@pytest.mark.parametrize(
    "text",
    [
        "ada@~/.teleclaude/docs/general/policy/commits.md",
        "cat ~/.teleclaude/docs/general/policy/commits.md",
        "@~/.teleclaude/docs-old/general/policy/commits.md",
        "@~/.teleclaude/people/Ada",
        "@docs/project/design/x.md, @docs/global/x.md, @docs, @./run.sh, @../policy/commits.md, @other.md, @ada",
    ],
)
def test_what_is_no_reference_to_the_old_place_stays_and_is_not_named(text: str) -> None:
    done = REFERENCES.rewrite(NAME, text.encode())
    assert (done.content, done.changed, done.lost) == (text.encode(), 0, [])


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("@~/.teleclaude/docs/general/gone.md", "there is no such snippet"),
        ("@~/.teleclaude/docs/general/policy/commits.md.bak", "there is no such snippet"),
        ("@~/.teleclaude/docs/../config.md", "there is no such snippet"),
        ("@~/.teleclaude/docs/keys.md", "keys.md is left out: line 3 holds a token"),
        ("@/home/bob/.teleclaude/docs/out/x.md", "out is left out: a link to a place outside the docs"),
        ("@docs/gone.md", "there is no such snippet"),
        ("@./gone.md", "there is no such snippet"),
        ("@../../keys.md", "keys.md is left out: line 3 holds a token"),
    ],
)
def test_a_reference_to_nothing_stays_and_is_named_with_its_line(reference: str, why: str) -> None:
    text = f"one\ntwo (see {reference}).\n".encode()
    done = REFERENCES.rewrite(NAME, text)
    assert (done.content, done.changed, done.lost) == (text, 0, [Lost(2, reference, why)])


def test_in_yaml_a_whole_value_needs_no_sign_and_the_text_below_does() -> None:
    path = "~/.teleclaude/docs/general/policy/commits.md"
    text = f"---\nreads: ['{path}', \"@{path}\"]\npath: {path}\ndescription: read {path}\n---\n- {path}\n"
    front, _, below = text.partition(f"description: read {path}")
    assert rewrite(text) == f"{front.replace('~/.teleclaude/docs', NEW)}description: read {path}{below}"
    assert rewrite(f"- {path}\n", Path("x.yaml")) == f"- {NEW}/general/policy/commits.md\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_a_snippet_keeps_its_encoding(encoding: str) -> None:
    text = "caf\xe9 @~/.teleclaude/docs/general/policy/commits.md\r\n"
    done = REFERENCES.rewrite(NAME, text.encode(encoding))
    assert done.content.decode(encoding) == text.replace("~/.teleclaude/docs", NEW)


def test_a_snippet_with_very_many_references_names_some() -> None:
    assert len(REFERENCES.rewrite(NAME, b"@~/.teleclaude/docs/x.md\n" * 1000).lost) == 100


PIECES = st.sampled_from([b"@~/.teleclaude/docs", b"/general", b"/gone.md", b"\xff\xfe", b"\r\n", b"---\n", b": "])


@given(st.lists(PIECES | st.binary(max_size=4)).map(b"".join))
def test_whatever_a_snippet_holds_only_places_are_exchanged(content: bytes) -> None:
    done = REFERENCES.rewrite(NAME, content)
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert done.content.replace(NEW.encode(), b"~/.teleclaude/docs") == content
