"""The settings of agents are changed and go back, byte by byte, and never through the file of somebody else."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from teleclaude.agents import EVENTS, SETTINGS
from teleclaude.errors import Problem
from teleclaude.hook.editor import install, take_back
from teleclaude.hook.settings_file import kept_file, read_text, write_text

RECEIVER = "/home/ada/tc/teleclaude/hooks/receiver/__main__.py --agent"
HOOK = f'{{"hooks":[{{"type":"command", "command": "{RECEIVER} claude stop"}}]}}'
CLAUDE = f'{{\r\n\t"hooks" : {{"Stop": [ {HOOK}]}},\n  "größe": 1}}'
CODEX = f'# mine\nnotify = ["{RECEIVER.split(maxsplit=1)[0]}", "--agent", "codex"]\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home as the three agents leave it."""
    for name, text in {
        ".claude/settings.json": CLAUDE,
        ".claude.json": '{"mcpServers": {"t": {"command": "/home/ada/tc/x"}}, "projects": {}}',
        ".gemini/settings.json": "{}",
        ".codex/config.toml": CODEX,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / ".claude/settings.json").chmod(0o640)
    return tmp_path


def state(home: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in home.rglob("*") if path.is_file())
    return {str(path.relative_to(home)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files}


def do(act: Callable[..., object], home: Path, **options: str) -> list[str]:
    said = list(act({"--home": str(home), "--old": "/home/ada/tc", **options}))  # type: ignore[call-overload]
    return [each.message if isinstance(each, Problem) else each for each in said]


def test_all_agents_are_changed_and_every_byte_and_mode_goes_back(home: Path) -> None:
    before = state(home)
    assert [line.removeprefix(f"{home}/") for line in do(install, home)] == [
        ".claude/settings.json is changed",
        ".claude.json is changed",
        ".gemini/settings.json is changed",
        ".codex/config.toml is changed",
    ]
    after = state(home)
    assert after[".claude/settings.json"][1] == 0o640
    assert b"receiver" not in b"".join(after[names[0]][0] for names in SETTINGS.values())
    assert "/home/ada/tc" not in after[".claude.json"][0].decode()
    assert all(line.endswith(" stays as it is") for line in do(install, home))
    assert state(home) == after
    do(take_back, home)
    assert state(home) == before


def test_a_file_that_was_changed_since_keeps_the_change_and_its_copy(home: Path) -> None:
    do(install, home)
    path = home / ".claude/settings.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "new": 1}))
    said = do(take_back, home)
    assert said[0] == (
        f"{path} was changed by others since, so only our hooks are changed in it; "
        f"what it was before is in {kept_file(path)}"
    )
    back = json.loads(path.read_text())
    assert (back["new"], back["größe"]) == (1, 1)
    assert back["hooks"] == json.loads(CLAUDE)["hooks"]
    assert kept_file(path).read_bytes() == CLAUDE.encode()


def test_settings_that_were_not_there_are_made_and_removed_again(tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    do(install, tmp_path)
    assert set(json.loads((tmp_path / ".claude/settings.json").read_text())["hooks"]) == set(EVENTS["claude"])
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")] == [".claude", ".claude/settings.json"]
    do(take_back, tmp_path)
    assert state(tmp_path) == {}
    (tmp_path / ".claude").rmdir()
    assert do(install, tmp_path) == [f"no agent has settings in {tmp_path}"]


def test_one_agent_alone_is_changed_where_it_is_named(home: Path) -> None:
    before = state(home)
    do(install, home, **{"--agent": "codex"})
    assert {name for name, found in state(home).items() if found != before.get(name)} == {
        ".codex/config.toml",
        ".codex/.config.toml.single-user",
    }


@pytest.mark.parametrize("content", [b'{"hooks": ', b"\xff", b"[" * 100_000, b"// a comment\n{}", b'{"a": 1, "a": 2}'])
def test_settings_that_cannot_be_understood_are_left_with_a_sentence(home: Path, content: bytes) -> None:
    path = home / ".claude/settings.json"
    path.write_bytes(content)
    for act in (install, take_back):
        assert do(act, home, **{"--agent": "claude"})[0].startswith(f"{path} ")
        assert path.read_bytes() == content


def test_a_link_is_followed_to_a_file_of_the_user_and_stays(home: Path) -> None:
    path, real = home / ".claude/settings.json", home / "dotfiles.json"
    path.rename(real)
    path.symlink_to(real)
    do(install, home)
    assert path.is_symlink()
    assert "receiver" not in real.read_text()
    do(take_back, home)
    assert real.read_bytes() == CLAUDE.encode()


def test_what_is_no_file_of_the_user_is_not_read(home: Path, tmp_path: Path) -> None:
    path = home / ".claude/settings.json"
    path.unlink()
    os.mkfifo(path)
    assert do(install, home)[0] == f"{path} does not lead to a regular file of yours"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    assert do(install, home)[0] == f"{path} does not lead to a regular file of yours"
    if os.geteuid() == 0:
        path.unlink()
        path.write_text("{}")
        os.chown(path, 65534, 65534)
        assert do(install, home)[0] == f"{path} does not lead to a regular file of yours"


def test_a_file_that_changes_while_it_is_edited_keeps_the_change(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("newer")
    with pytest.raises(Exception, match="was changed by another program just now"):
        write_text(path, "older", "ours")
    assert (read_text(path), list(tmp_path.iterdir())) == ("newer", [path])
