"""Comments, order and unknown keys stay where their entries stay, and the text reads as exactly the values."""

from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.config.edit import rewrite, same, to_yaml
from teleclaude.config.secrecy import comment_may_tell
from teleclaude.config.split import OldConfiguration, Split, split

OLD = """\
    # The workshop.

    computer:            # this machine
      name: workshop     # identifies sessions
      # where I work
      trusted_dirs:
        - path: /home/ada  # mine
      when: 07:30

    # The bot; its token comes from the portal.
    discord:
      token: "planted-discord-token"  # rotate in May
      # old token: planted-old-token
      unknown: 1e3
      categories: {a: 1, b: 2}   # flow
    # not in use
    polling:
      interval: 3
      # deeper
    tts:
      enabled: yes  # speak
    # the last word
    """


def split_text(text: str) -> tuple[Split, dict[str, str]]:
    layers = split(OldConfiguration(yaml.safe_load(text) or {}), None)
    parts: dict[str, dict[str, Any]] = {"system": layers.system, "user": layers.user}
    return layers, {
        kind: rewrite([text], values, "New.", lambda comment: comment_may_tell(comment, layers.known)).text
        for kind, values in parts.items()
    }


def test_a_split_keeps_comments_and_order_and_the_spelling_of_values() -> None:
    _, texts = split_text(dedent(OLD))
    assert texts["system"] == dedent("""\
        # New.
        # The workshop.

        computer:            # this machine
          name: workshop     # identifies sessions
          when: 07:30

        # The bot; its token comes from the portal.
        discord:
          token: ${TELECLAUDE_SECRET_DISCORD_TOKEN}  # rotate in May
          unknown: 1e3
          categories: {a: 1, b: 2}   # flow
        # the last word
        """)
    assert texts["user"] == dedent("""\
        # New.
        # The workshop.

        computer:            # this machine
          # where I work
          trusted_dirs:
            - path: /home/ada  # mine

        tts:
          enabled: yes  # speak
        # the last word
        """)


@pytest.mark.parametrize(
    "text",
    [
        "a: {token: planted-value, b: 1}\n",
        "a:\n  token: planted-one1\n  token: planted-two2\n",
        "a: {token: planted-one1, token: planted-two2}\n",
        "token: planted-one1\ntoken: planted-two2\n",
        "a:\n- token: planted-value\n  b: 1\n- c\n",
        "a:\n  token: |\n    planted-value\n    two\n\n  b: 1\n",
        "a:\n  token: >-\n    planted-value\n  # planted-value\n  b: 1\n",
        "a: &x\n  token: planted-value\nb: *x\n",
        "a: &planted-value\n  token: planted-value\n  b: 1\n",
        "a: &x {token: planted-value}\nb: {<<: *x, c: 1}\n",
        "a:\n  ? token\n  : planted-value\n",
        "{a: {token: planted-value}}\n",
        "--- # planted-value\na:\n  token: planted-value\n",
        "\ufeffa:\r\n  token: planted-value # planted-value\r\n",
        'a:\n  token: "planted-value \\\n    more"\n  b: 1\n',
        "a:\n  tokens: {planted-value: ada}\n",
        "a:\n  tokens:\n    planted-value: ada # planted-value\n  b: 2\n",
        "a: b\nplanted-value: c\nd: {token: planted-value}\n",
        "# postgresql://ada:planted-pw@host/db\na: 1\n",
        "# the password was planted-pw2 until May\na: 1\n",
        "# bot 123456:planted-bot-token\na: 1 # sk-planted0000\n",
        "a: 1\n#token=planted\n#  secret: 'planted'",
        "tts: {voice: x}\n",
        "a: !!str 5\nb: ! x\n",
        "",
        "# planted: https://hooks.slack.com/services/T0/B0/planted\n",
    ],
)
def test_whatever_the_form_the_text_reads_as_the_values_and_tells_no_secret(text: str) -> None:
    layers, texts = split_text(text)
    assert "planted" not in "".join(texts.values())
    assert same(yaml.safe_load(texts["system"]) or {}, layers.system)
    assert same(yaml.safe_load(texts["user"]) or {}, layers.user)


def test_what_could_not_be_kept_is_said() -> None:
    always, never = (lambda _: True), (lambda _: False)
    assert rewrite(["{a: 1} # c\n"], {"a": 1}, "New.", never).comments_left == "its YAML had to be written anew"
    assert rewrite(["a: 1 # c\n"], {"a": 1}, "New.", always).comments_left == "1 of them may hold a secret"
    assert rewrite(["a: 1 # c\n"], {"a": 1}, "New.", never).comments_left is None


def test_an_entry_that_cannot_be_edited_costs_only_its_own_comments() -> None:
    text = "# one\na: &a {token: planted-value}  # two\nb: *a  # three\nc:\n  <<: *a  # four\n  d: 1\ne: 1  # five\n"
    _, texts = split_text(text)
    for kept in ("# one", "# two", "# three", "# five"):
        assert kept in texts["system"]


def test_two_old_files_become_one() -> None:
    written = rewrite(["# one\na: 1"], {"new": 0, "a": 1, "b": 2}, "New.", bool)
    assert written.text == "# New.\nnew: 0\nb: 2\na: 1\n"
    written = rewrite(["# one\na: 1", "b: 2 # two\nc: 3\n"], {"a": 1, "b": 2}, "New.", lambda _: False)
    assert written.text == "# New.\n# one\na: 1\nb: 2 # two\n"


@pytest.mark.parametrize("comment", ["# The token comes from .env", "# API keys: ${API_KEY}", "# 07:30 in Paris"])
def test_a_comment_that_only_speaks_of_secrets_stays(comment: str) -> None:
    assert not comment_may_tell(comment, ())


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
        assert same(yaml.safe_load(rewrite([ground], after, "New.", lambda _: False).text) or {}, after)


@given(TOPS)
def test_a_text_that_changes_in_nothing_stays_letter_by_letter(values: Any) -> None:
    text = to_yaml(values, "Old.") if values else "# Old.\n"
    if values:
        assert rewrite([text], values, "New.", lambda _: False).text == "# New.\n" + text
