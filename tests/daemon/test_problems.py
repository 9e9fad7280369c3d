"""The table of messages of the daemon."""

import re

import pytest

from teleclaude.daemon import problems
from teleclaude.errors import Problem

TABLE = {name: value for name, value in vars(problems).items() if isinstance(value, Problem)}


@pytest.mark.parametrize("name", TABLE)
def test_every_problem_is_one_sentence_with_a_remedy(name: str) -> None:
    problem = TABLE[name]
    assert name.isupper()
    assert problem.message
    assert problem.hint
    assert not problem.message.endswith(".")


@pytest.mark.parametrize("name", TABLE)
def test_every_name_in_braces_is_filled_with_text(name: str) -> None:
    problem = TABLE[name]
    names = set(re.findall(r"\{(\w+)\}", problem.message + problem.hint))
    filled = problem.fill(**dict.fromkeys(names, "a value"))
    assert "{" not in filled.message + filled.hint


def test_no_two_problems_have_the_same_sentence() -> None:
    sentences = [problem.message for problem in TABLE.values() if not problem.message.startswith("{")]
    assert len(set(sentences)) == len(sentences)
