"""The page of errors has every problem of the program in its words, and nothing else."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import teleclaude
from teleclaude.errors import Problem

PACKAGE = Path(teleclaude.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs/errors.md").read_text()
NOT_ASKED = ("teleclaude.__main__", "teleclaude.checks", "teleclaude.db.schema")
"""What runs when it is imported, and the self-check, whose faults are on a page of their own."""
PASSED_ON = re.compile(r"\{\w+\}")
"""A sentence that somebody else made."""


def problems() -> Iterator[Problem]:
    """Yield every problem of the tables that has a sentence of its own."""
    for module in pkgutil.walk_packages(teleclaude.__path__, "teleclaude."):
        if not module.name.startswith(NOT_ASKED):
            found = vars(import_module(module.name)).values()
            yield from (each for each in found if isinstance(each, Problem) and not PASSED_ON.fullmatch(each.message))


def rows() -> list[tuple[str, str, str]]:
    """Return sentence, cause and remedy of each row of the page."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| sentence")]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [(sentence, cause, remedy) for sentence, cause, remedy in cells]


def test_every_problem_is_on_the_page_with_its_remedy() -> None:
    wanted = {(each.message, each.hint) for each in problems()}
    assert wanted - {(sentence, remedy) for sentence, _, remedy in rows()} == set()


def test_nothing_else_is_on_the_page() -> None:
    known = {(each.message, each.hint) for each in problems()}
    assert {(sentence, remedy) for sentence, _, remedy in rows()} - known == set()


def test_every_problem_on_the_page_has_a_cause() -> None:
    assert [sentence for sentence, cause, _ in rows() if not cause] == []


def test_no_problem_is_on_the_page_twice() -> None:
    pairs = [(sentence, remedy) for sentence, _, remedy in rows()]
    assert len(pairs) == len(set(pairs))


def test_a_problem_is_made_in_a_table_and_nowhere_else() -> None:
    made = re.compile(r"^(?!_?[A-Z][A-Z_0-9]* = Problem\().*\bProblem\(.*$", re.MULTILINE)
    allowed = {PACKAGE / "errors.py", *(PACKAGE / "checks").rglob("*.py")}
    found = [
        f"{path.relative_to(PACKAGE)}: {line}"
        for path in PACKAGE.rglob("*.py")
        if path not in allowed
        for line in made.findall(path.read_text())
    ]
    assert found == []


def test_every_link_of_the_page_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (Path(__file__).parents[1] / "docs" / link).exists(), link
