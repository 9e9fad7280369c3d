"""Every name becomes one that PostgreSQL can hold."""

from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.values.identifiers import make_names, quote

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=90)


@given(st.lists(NAMES, unique=True), st.frozensets(NAMES))
def test_every_name_becomes_one_that_fits_and_no_other_has(names: list[str], taken: frozenset[str]) -> None:
    made = make_names(names, taken)
    assert list(made.values()) == [made[name] for name in made]
    assert len(set(made.values())) == len(names)
    for name, held in made.items():
        assert 0 < len(held.encode()) <= 63
        assert held not in taken
        assert held == name or name in taken or not 0 < len(name.encode()) <= 63
    assert make_names(names, taken) == made


def test_a_long_name_keeps_its_beginning_and_gets_the_same_end_at_every_run() -> None:
    long = "ü" * 40
    made = make_names([long])[long]
    assert made.startswith("ü" * 26)
    assert make_names([long])[long] == made


def test_a_quote_within_a_name_is_doubled() -> None:
    assert quote('a"b') == '"a""b"'
