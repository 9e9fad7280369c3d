"""What others wrote is shown to people, and obeyed by no terminal."""

import pytest

from teleclaude.printable import printable, seen, shows_all


@pytest.mark.parametrize(
    "said",
    [
        "a title",
        "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}",
        "می\N{ZERO WIDTH NON-JOINER}خواهم",
        "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
        "\N{RIGHT-TO-LEFT MARK}שלום",
        "à vous\N{NO-BREAK SPACE}!",
    ],
)
def test_what_people_write_is_shown_as_it_is(said: str) -> None:
    assert printable(said) == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("1;\x1b[2Jreboot", "1;\\x1b[2Jreboot"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("a\u2028b\u2029", "a\\x2028b\\x2029"),
        ("\u202eback\u2066 and forth", "\\x202eback\\x2066 and forth"),
        ("latin-\udce9", "latin-\\xe9"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(said: str, shown: str) -> None:
    assert printable(said) == shown


def test_what_is_written_out_stays_as_it_is() -> None:
    assert printable(printable("\x1b[2J")) == printable("\x1b[2J")


@pytest.mark.parametrize(
    "text", ["\x1b", "\n", "\x9b", "\u200b", "\u200f", "\u202e", "\ufeff", "\u3164", "\ufe0f", "\udc9b"]
)
def test_a_script_shows_no_character_that_has_no_shape(text: str) -> None:
    assert not shows_all(f"a{text}b")
    assert seen(f"a{text}b") == f"a\\x{ord(text) & 0xFF if text == chr(0xDC9B) else ord(text):02x}b"


@pytest.mark.parametrize("text", ["plain", "größer", "\N{MAN}", "שלום", "latin-\udce9", ""])
def test_a_script_shows_letters_of_every_writing_as_they_are(text: str) -> None:
    assert shows_all(text)
    assert seen(text) == text
