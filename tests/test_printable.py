"""What others wrote is shown to people, and obeyed by no terminal."""

import pytest

from teleclaude.printable import printable


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
