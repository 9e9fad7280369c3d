"""Each error of the code is on the page about errors, with its cause and its remedy, and nothing else is."""

import re
from pathlib import Path

import pytest

from teleclaude.db.engine import REMEDIES
from tests import sentences
from tests.sentences import collect, to_template

PAGE = (Path(__file__).parents[1] / "docs/errors.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:2] == "| "]
DOCUMENTED = {to_template(row[0]): row[1:] for row in ROWS if row[0] != "sentence" and len(row) == 3}


def test_every_error_of_the_code_is_on_the_page() -> None:
    missing = {f"{each.place}: {each.template}" for each in collect() if each.template not in DOCUMENTED}
    assert missing == set()


def test_every_error_on_the_page_is_in_the_code() -> None:
    assert set(DOCUMENTED) - {each.template for each in collect()} == set()


def test_every_error_on_the_page_has_a_cause_and_a_remedy() -> None:
    assert [template for template, rest in DOCUMENTED.items() if not all(rest)] == []


def test_every_remedy_of_the_code_is_on_the_page_in_its_words() -> None:
    told: dict[str, str] = {}
    for row in ROWS:
        told[to_template(row[0])] = told.get(to_template(row[0]), "") + row[-1].replace("`", "") + "\n"
    missing = {
        f"{each.place}: {remedy}"
        for each in collect()
        for remedy in each.remedies
        if not re.search(".+".join(map(re.escape, remedy.replace("`", "").split("{}"))), told[each.template])
    }
    assert missing == set()


def test_no_error_stands_there_twice() -> None:
    listed = [row[0] for row in ROWS if row[0] != "sentence" and len(row) == 3]
    assert len(listed) == len(set(listed))


def test_every_remedy_for_what_postgresql_says_is_on_the_page() -> None:
    assert [hint for _, hint in REMEDIES if f"| {hint} |" not in PAGE] == []


def test_every_link_of_the_page_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (Path(__file__).parents[1] / "docs" / link).exists(), link


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(): raise TargetError('it broke', 'fix it')", ["it broke"]),
        ("def f(name): yield error('target', f'{name} broke: {1}', 'fix it')", ["{} broke: {}"]),
        ("def f(x):\n said = 'a' if x else f'{x} b'\n raise ConfigError(said)", ["a", "{} b"]),
        ("def f(trouble): raise SourceError(trouble.message, trouble.hint)", []),
        ("def f() -> Obstacle | None:\n return ('in the way', 'go round')", ["in the way"]),
        ("async def f():\n async def g(): run.refuse('no', 'yes')", ["no"]),
    ],
)
def test_sentences_are_found_however_they_are_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, found: list[str]
) -> None:
    (tmp_path / "module.py").write_text(code)
    monkeypatch.setattr(sentences, "PACKAGE", tmp_path)
    assert sorted({each.template for each in collect()}) == sorted(found)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(): raise TargetError('it broke', 'fix it')", ("fix it",)),
        ("def f(x): yield error('target', 'it broke', f'fix {x}' if x else 'leave it')", ("fix {}", "leave it")),
        ("HINT = 'fix it'\ndef f(): raise TargetError('it broke', HINT)", ("fix it",)),
        ("def f(x):\n said = 'fix it'\n if x: said = 'leave it'\n run.refuse('no', said)", ("fix it", "leave it")),
        ("def f() -> Obstacle | None:\n return ('in the way', 'go round')", ("go round",)),
        ("def f(hint): raise TargetError('it broke', hint)", ()),
        ("def f(): raise UsageError('it broke', context)", ()),
    ],
)
def test_remedies_are_found_however_they_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, found: tuple[str, ...]
) -> None:
    (tmp_path / "module.py").write_text(code)
    monkeypatch.setattr(sentences, "PACKAGE", tmp_path)
    assert [each.remedies for each in collect()] == [found]


def test_a_sentence_that_nobody_can_look_up_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module.py").write_text("def f(): raise TargetError(make_sentence())")
    monkeypatch.setattr(sentences, "PACKAGE", tmp_path)
    with pytest.raises(TypeError, match="where it is raised"):
        list(collect())
