"""Whatever the bytes are: a reading, or one sentence that names the file and the line, soon."""

import io
import os
import time
from pathlib import Path

import dotenv
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from teleclaude.config.parse import MOST_BYTES, env_comments, parse_env, parse_yaml, unread_lines
from teleclaude.errors import ConfigError

PATH = Path("/home/ada/config.yml")

PIECES = st.sampled_from(
    [
        "a: ",
        "b:",
        "- ",
        "\n",
        "  ",
        "&x ",
        "*x",
        "<<: ",
        "!!int ",
        "!!python/object:os.system ",
        "!!timestamp ",
        "|\n",
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "0x1f",
        "1:30",
        "2026-13-45",
        "? ",
        ": ",
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "\t",
        "\0",
        "\ufeff",
        "\x85",
        "é",
        "# c",
        "\\ud800",
        "=",
        "!!binary ",
        "!!set ",
        "!!omap ",
        "!!float ",
        ".inf",
    ]
)
YAML_BYTES = (
    st.binary(max_size=200)
    | st.lists(PIECES, max_size=30).map("".join).map(str.encode)
    | st.lists(PIECES, max_size=20).map(lambda parts: "".join(parts).encode("utf-16"))
)


@given(YAML_BYTES)
@example(b"\xef\xbb\xbfa: 1\r\n")
def test_any_bytes_are_a_mapping_or_one_sentence(data: bytes) -> None:
    try:
        assert isinstance(parse_yaml(data, PATH), dict)
    except ConfigError as error:
        assert error.problem.message.startswith(f"{PATH}, line ")
        assert "\n" not in error.problem.message
        assert error.path == PATH


@given(YAML_BYTES)
def test_what_is_read_is_what_pyyaml_reads(data: bytes) -> None:
    try:
        values = parse_yaml(data, PATH)
    except ConfigError:
        return
    assert repr(values) == repr(yaml.safe_load(data) or {})


def bomb(merge: str) -> bytes:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{{merge % ', '.join([f'*a{n - 1}'] * 9)}}}" for n in range(1, 12)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("data", "line", "sentence"),
    [
        (bomb("b: [%s]"), 6, "more than 200000 values"),
        (bomb("<<: [%s]"), 6, "more than 200000 values"),
        (b"a: 1\nb: " + b"[" * 100_000, 2, "levels"),
        (b"a: 1\n" + b"- " * 100_000, 2, "not YAML"),
        (b"a: 1\nb: &x [*x]", 2, "refers to the value that contains it"),
        (b"a: 1\nb: " + b"9" * 5000, 2, "digits"),
        (b"a: 1\nb: 0x" + b"f" * 5000, 2, "digits"),
        (b"a: 1\nb: 1" + b":30" * 100_000, 2, "digits"),
        (b"a: 1\nb: 2026-13-45", 2, "does not fit its type"),
        (b"a: 1\nb: 2026-01-01 00:00:00 +99:99", 2, "does not fit its type"),
        (b"a: 1\nb: !!bool perhaps", 2, "does not fit its type"),
        (b"a: 1\nb: !!python/object/apply:os.system [touch /tmp/x]", 2, "not YAML"),
        (b"a: 1\n? [b]\n: 2", 2, "not YAML"),
        (b"a: 1\nb: \x00", 2, "character is not allowed"),
        (b"a: 1\nb: caf\xe9", 2, "not UTF-8"),
        ("a: 1\n".encode("utf-16") + b"\x00", 2, "not UTF-16"),
        (b"a: 1\n---\nb: 2\n", 2, "not YAML"),
        (b"- a\n", 1, "keys and values"),
        (b"just words\n", 1, "keys and values"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_cannot_be_used_is_named_by_its_line_at_once(data: bytes, line: int, sentence: str) -> None:
    started = time.process_time()
    with pytest.raises(ConfigError, match=sentence) as caught:
        parse_yaml(data, PATH)
    assert caught.value.problem.message.startswith(f"{PATH}, line {line}: ")
    assert time.process_time() - started < 10


def test_a_file_without_end_is_refused_by_its_size() -> None:
    for parse in (lambda data: parse_yaml(data, PATH), lambda data: parse_env(data, PATH, {})):
        with pytest.raises(ConfigError, match="larger than"):
            parse(b"#" * (MOST_BYTES + 1))


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b"", {}),
        (b"\xef\xbb\xbf# only a comment\r\n", {}),
        ("a: é\r\n".encode("utf-16"), {"a": "é"}),
        (b"a: 07:30\nb: 1e3\nc: n\nd: yes\ne: 010\n", {"a": "07:30", "b": "1e3", "c": "n", "d": True, "e": 8}),
        (b"base: &b {x: 1}\nc: {<<: *b, y: 2}\n", {"base": {"x": 1}, "c": {"x": 1, "y": 2}}),
        (b"a: 1\na: 2\n", {"a": 2}),
        (b"2: x\ntrue: y\nnull: z\n", {2: "x", True: "y", None: "z"}),
    ],
)
def test_what_the_old_daemon_read_is_read(data: bytes, values: object) -> None:
    assert parse_yaml(data, PATH) == values


LINES = st.sampled_from(
    [
        "A=1",
        "export B = 'x y'",
        'C="two\nlines"',
        "D=${A}-${HOME}-${NO:-d}",
        "E",
        "=x",
        "F='",
        'G="\\n\\""',
        "A=${A}${A}",
        "H=a # comment",
        "# c",
        "'I'=1",
        "J=\\u00e9",
        "no sign",
        "K=\0",
        "\ufeffL=1",
        "A",
        "M=${",
        "N=é",
    ]
)
ENV_BYTES = st.binary(max_size=200) | st.lists(LINES, max_size=12).map("\n".join).map(str.encode)


@given(ENV_BYTES)
def test_any_env_file_is_read_as_python_dotenv_reads_it(data: bytes) -> None:
    try:
        ours = parse_env(data, PATH, os.environ)
    except ConfigError as error:
        assert error.problem.message.startswith(f"{PATH}, line ")
        return
    theirs = dotenv.main.DotEnv(None, io.StringIO(data.decode(), newline=None), override=False).dict()
    assert ours == {name: value for name, value in theirs.items() if value is not None}


def test_an_env_file_that_doubles_itself_without_end_is_refused() -> None:
    lines = ["A0=xxxxxxxxxx", *(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}" for n in range(1, 40))]
    with pytest.raises(ConfigError, match=r"line \d+: this value expands to more than 4 MB"):
        parse_env("\n".join(lines).encode(), PATH, {})


def test_lines_of_an_env_file_that_say_nothing_are_named() -> None:
    assert unread_lines(b"A=1\n=x\n# c\nB='open\nC=2\n", PATH) == (2, 4)


@pytest.mark.parametrize(
    ("text", "alone", "beside"),
    [
        ("# one\nA=1\n", ["# one"], []),
        ("A=1 # one\nB=2\n", [], ["A=1 # one"]),
        ("A=x#y\nB='x # y'\nC=\"a # b\"\n", [], []),
        ("B='x # y' # one\n", [], ["B='x # y' # one"]),
        ("export A= # one\n", [], ["export A= # one"]),
        ("A='one\n# inside\ntwo'\n# after\n", ["# after"], []),
        ("\r\n  # one\r\nA=1\r\n", ["  # one"], []),
        ("not a line # one\n#two", ["#two"], ["not a line # one"]),
    ],
)
def test_comments_of_an_env_file_are_known_from_values_with_the_sign(
    text: str, alone: list[str], beside: list[str]
) -> None:
    lines, *found = env_comments(text.encode(), Path(".env"))
    assert [[lines[place] for place in sorted(places)] for places in found] == [alone, beside]
