"""The lines of an entry of TOML are known, or it is known that they are not."""

import tomllib

import pytest

from teleclaude.agents.toml_text import comment_out, find_lines, put


@pytest.mark.parametrize(
    ("text", "keys", "lines"),
    [
        ('a = 1\nnotify = ["x"]\n', ("notify",), (2, 2)),
        ('notify = [\n  "x",\n  "y",\n]\nb = 2\n', ("notify",), (1, 4)),
        ("[mcp_servers.t]\na = 1\n\n# of another\n[other]\n", ("mcp_servers", "t"), (1, 2)),
        ("[mcp_servers.t]\na = 1\n[mcp_servers.t.env]\nb = 2\n", ("mcp_servers", "t"), (1, 4)),
        ('[mcp_servers]\nt = {command = "x"}\nu = {command = "y"}\n', ("mcp_servers", "t"), (2, 2)),
        ('mcp_servers = {t = {command = "x"}, u = {}}\n', ("mcp_servers", "t"), None),
    ],
)
def test_the_lines_of_an_entry_are_known_only_where_the_rest_stays_the_same(
    text: str, keys: tuple[str, ...], lines: tuple[int, int] | None
) -> None:
    assert find_lines(text, keys) == lines


@pytest.mark.parametrize("word", ["x", 'a "b" \\c', "größe", "😀", "tab\there", "\x7f"])
def test_a_list_of_any_words_is_put_where_the_old_one_was(word: str) -> None:
    text = 'a = 1\nnotify = [\n "old"\n]\n[b]\nnotify = 2\n'
    made = put(text, "notify", [word], (2, 4))
    assert tomllib.loads(made) == {"a": 1, "notify": [word], "b": {"notify": 2}}
    assert made.splitlines()[0] == "a = 1"
    assert tomllib.loads(put("[b]\nc = 1\n", "notify", [word], None)) == {"notify": [word], "b": {"c": 1}}


def test_lines_are_commented_out_and_no_others() -> None:
    assert comment_out("a\nb\nc\nd", (2, 3)) == "a\n# b\n# c\nd"
