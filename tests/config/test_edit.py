"""Comments, order and unknown keys stay where their entries stay, and the text reads as exactly the values."""

from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.config.comments import quote_comments
from teleclaude.config.edit import rewrite, same, to_yaml
from teleclaude.config.split import OldConfiguration, split

OLD = dedent("""\
    # The workshop.

    computer:            # this machine
      name: workshop     # identifies sessions
      # where I work
      trusted_dirs:
        - path: /home/ada  # mine
    # not in use

    # at all
    polling:
      interval: "3 # not a comment"
    tts:
      enabled: yes  # speak
    # the last word
    """)


def test_the_users_file_keeps_comments_and_order_and_the_spelling_of_values() -> None:
    user = split(OldConfiguration(yaml.safe_load(OLD))).user
    assert rewrite([OLD], user, "New.").text == dedent("""\
        # New.
        # The workshop.

        computer:            # this machine
          # where I work
          trusted_dirs:
            - path: /home/ada  # mine
        # not in use

        tts:
          enabled: yes  # speak
        # the last word
        """)


def test_every_comment_is_quoted_in_order_with_its_line_or_the_line_below() -> None:
    assert quote_comments("config.yml", OLD) == dedent("""\
        # Comments of the old config.yml, with the lines that they are about:
        # # The workshop.
        # computer:            # this machine
        #   name: workshop     # identifies sessions
        #   # where I work
        #   trusted_dirs:
        #     - path: /home/ada  # mine
        # # not in use
        # # at all
        # polling:
        #   enabled: yes  # speak
        # # the last word
        """)


def test_a_comment_cannot_become_a_value_where_it_is_quoted() -> None:
    assert yaml.safe_load(to_yaml({"a": 1}, "New.") + quote_comments("x", "b: 1 # \x85c: 2\n")) == {"a": 1}


def test_a_file_without_comments_is_not_quoted() -> None:
    assert quote_comments("config.yml", "a: 1\n") == ""


@pytest.mark.parametrize(
    "text",
    [
        "tts:\n  token: one\n  token: two\n",
        "tts: {token: one, token: two}\n",
        "tts: &x\n  token: ${A}\nstt: *x\n",
        'tts: &x {token: "${A}"}\nstt: {<<: *x, c: 1}\n',
        "tts:\n  ? token\n  : ${A}\n",
        "{tts: {token: one}}\n",
        "--- # one\ntts:\n  token: one\n",
        "\ufefftts:\r\n  token: ${A} # one\r\n",
        'tts:\n  token: "${A} \\\n    more"\n  b: 1\n',
        "tts:\n- token: ${A}\n  b: 1\n- c\n",
        "tts: !!str 5\nstt: ! x\n",
        "",
    ],
)
def test_whatever_the_form_the_text_reads_as_the_values(text: str) -> None:
    user = split(OldConfiguration(yaml.safe_load(text) or {}, {"A": "value: # of a"})).user
    assert same(yaml.safe_load(rewrite([text], user, "New.").text) or {}, user)


def test_what_could_not_be_kept_is_said() -> None:
    assert rewrite(["{a: 1} # c\n"], {"a": 1}, "New.").comments_left == "its YAML had to be written anew"
    assert rewrite(["a: 1 # c\n"], {"a": 1}, "New.").comments_left is None


def test_two_old_files_become_one() -> None:
    assert rewrite(["# one\na: 1"], {"new": 0, "a": 1, "b": 2}, "New.").text == "# New.\nnew: 0\nb: 2\n# one\na: 1\n"
    written = rewrite(["# one\na: 1", "b: 2 # two\nc: 3\n"], {"a": 1, "b": 2}, "New.")
    assert written.text == "# New.\n# one\na: 1\nb: 2 # two\n"


TREES = st.recursive(
    st.text(max_size=8) | st.integers() | st.none() | st.booleans() | st.floats(),
    lambda inner: (
        st.dictionaries(st.sampled_from(["token", "a", "b", "url", "1"]), inner, max_size=3)
        | st.lists(inner, max_size=3)
    ),
    max_leaves=10,
)
TOPS = st.dictionaries(st.sampled_from(["a", "b", "computer", "tts", "agents"]), TREES, max_size=4)


@given(TOPS, TOPS, st.booleans(), st.data())
def test_any_text_can_become_any_values(before: Any, after: Any, flow: bool, data: st.DataObject) -> None:
    text = yaml.safe_dump(before, default_flow_style=flow or None, allow_unicode=True)
    lines = [line + data.draw(st.sampled_from(["", " # c", "\n# own"])) for line in text.splitlines()]
    for ground in (text, "\n".join(lines)):
        assert same(yaml.safe_load(rewrite([ground], after, "New.").text) or {}, after)


@given(TOPS)
def test_a_text_that_changes_in_nothing_stays_letter_by_letter(values: Any) -> None:
    text = to_yaml(values, "Old.") if values else "# Old.\n"
    if values:
        assert rewrite([text], values, "New.").text == "# New.\n" + text
