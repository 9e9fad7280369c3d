import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.config.edit import to_yaml
from teleclaude.config.files import read_env, read_single_user, read_system, read_yaml, remove_marked, write_new
from teleclaude.errors import ConfigError, PublishError
from teleclaude.layout import make_layout

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("yaml") / "file.yml"
    path.write_text(to_yaml(values, "A heading."), encoding="utf-8")
    assert read_yaml(path) == values


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a: [1", "line 1"),
        (b"a: 1\nb: !!python/object:os.system x\n", "line 2"),
        (b"\xff\xfe\xff", "not UTF-16"),
        (b"a: !!bool x\n", "does not fit its type"),
        (b"password: *hunter2\n", "line 1: this is not YAML"),
        (b"- a\n", "keys and values"),
        (b"a: " + b"[" * 20_000, "levels"),
    ],
)
def test_a_broken_file_is_one_sentence_that_names_it(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(path) in caught.value.problem.message
    assert complaint in caught.value.problem.message
    assert caught.value.path == path


def test_a_missing_file_is_empty_only_where_it_may_be_missing(tmp_path: Path) -> None:
    assert read_yaml(tmp_path / "no.yml", required=False) == {}
    with pytest.raises(ConfigError, match="is missing"):
        read_yaml(tmp_path / "no.yml")


def test_env_files_are_read_as_python_dotenv_reads_them(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("export A=1\nB=\"two # lines\nmore\" # comment\nC=${A}-${HOME}-${NO:-d}\nD='${A}'\nE\nF=\n")
    assert read_env(path, {"HOME": "/home/ada"}) == {
        "A": "1",
        "B": "two # lines\nmore",
        "C": "1-/home/ada-d",
        "D": "1",
        "F": "",
    }


def test_a_new_file_has_its_mode_and_content(tmp_path: Path) -> None:
    write_new(tmp_path / "secrets.yml", b"content", 0o640)
    assert (tmp_path / "secrets.yml").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "secrets.yml").stat().st_mode) == 0o640
    assert names(tmp_path) == ["secrets.yml"]


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "directory"])
def test_what_exists_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yml"
    other = tmp_path / "other"
    match kind:
        case "file":
            path.write_text("theirs")
        case "link":
            other.write_text("theirs")
            path.symlink_to(other)
        case "dangling link":
            path.symlink_to(other)
        case _:
            path.mkdir()
    before = names(tmp_path)
    with pytest.raises(PublishError):
        write_new(path, b"ours", 0o600)
    assert names(tmp_path) == before
    assert not other.exists() or other.read_text() == "theirs"


def test_a_single_user_configuration_is_config_yml_and_env(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("computer: {name: '${N}'}\nagents: {default: claude}\n")
    (tmp_path / ".env").write_text("N=workshop\n")
    assert read_single_user(tmp_path, {}).computer.name == "workshop"


def test_a_key_that_got_its_meaning_later_says_nothing_in_a_single_user_installation(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("agents: {}\nsessions: {idle_hours: 1}\naudit: none\n")
    assert read_single_user(tmp_path, {}).sessions.idle_hours == 72


def test_a_system_configuration_is_system_and_secrets(tmp_path: Path) -> None:
    layout = make_layout("linux", tmp_path)
    layout.system_config.parent.mkdir(parents=True)
    layout.system_config.write_text("agents: {}\ndatabase: {url: 'postgresql://a:${P}@h/d'}\n")
    layout.secrets.write_text("environment: {P: secret}\n")
    database = read_system(layout, {}).database
    assert database is not None
    assert database.url == "postgresql://a:secret@h/d"


def test_a_value_that_does_not_fit_is_named_by_its_key_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("people: [{name: Ada, email: [secret-value]}]\nagents: {}\n")
    with pytest.raises(ConfigError) as caught:
        read_single_user(tmp_path, {})
    assert "people.1.email" in caught.value.problem.message
    assert "secret-value" not in caught.value.problem.message


@pytest.mark.parametrize("kind", ["no mark", "a mark on the second line", "link", "pipe", "folder", "missing"])
def test_a_file_without_the_mark_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yml"
    match kind:
        case "no mark":
            path.write_text("# theirs\n")
        case "a mark on the second line":
            path.write_text("# theirs\n# our mark\n")
        case "link":
            (tmp_path / "other").write_text("# our mark\n")
            path.symlink_to("other")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path = tmp_path / "missing" / "config.yml"
    before = sorted(tmp_path.iterdir())
    remove_marked(path, b"our mark")
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_with_the_mark_is_removed(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("# our mark\nname: x\n")
    remove_marked(tmp_path / "config.yml", b"our mark")
    assert list(tmp_path.iterdir()) == []
