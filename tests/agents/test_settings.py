"""Our hooks are put into the settings of agents, in the place of every older form, and nothing else is touched."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.agents import EVENTS, settings
from teleclaude.agents.entries import Ours, is_our_notifier, is_ours, make_old_pattern

HOME = Path("/home/ada")
OLD = make_old_pattern([HOME / "tc", HOME / ".teleclaude"], HOME)
OURS = Ours(("/usr/local/bin/teleclaude",), OLD)

RECEIVERS = [
    '/home/ada/tc/teleclaude/hooks/receiver/__main__.py --agent claude --cwd "$PWD" agent_stop',
    "'/home/a b/tc/teleclaude/hooks/receiver/__main__.py' --agent gemini stop",
    "/home/ada/tc/.venv/bin/python /home/ada/tc/teleclaude/hooks/receiver.py --agent claude stop",
    "python3 ~/src/teleclaude/hooks/receiver_claude.py stop",
    "uv run /x/TeleClaude/receiver_gemini.py",
    "/opt/venv/bin/teleclaude hook --agent claude agent_stop",
    "'/opt/a b/teleclaude' hook --agent claude",
    "/usr/bin/python3 -m teleclaude hook --agent claude stop",
]
OTHERS = [
    "notify-send teleclaude",
    "/x/receiver.py",
    "echo 'hook'",
    "/x/myreceiver.py --agent claude",
    "teleclaude-hooks x",
]


def hook(command: str) -> dict[str, Any]:
    return {"type": "command", "command": command}


def commands(text: str) -> dict[str, list[str]]:
    found = json.loads(text).get("hooks", {})
    return {event: [each["command"] for group in groups for each in group["hooks"]] for event, groups in found.items()}


def new(agent: str) -> dict[str, list[str]]:
    return {native: [OURS.command(agent, event)] for native, event in EVENTS[agent].items()}


@pytest.mark.parametrize("command", RECEIVERS)
def test_every_form_of_our_hooks_is_known(command: str) -> None:
    assert is_ours(command)


@pytest.mark.parametrize("command", OTHERS)
def test_a_hook_of_another_program_is_not_ours(command: str) -> None:
    assert not is_ours(command)


def test_what_we_write_is_known_as_ours() -> None:
    for program in (("/usr/local/bin/teleclaude",), ("/opt/a b/teleclaude",), ("/venv/python", "-m", "teleclaude")):
        assert is_ours(Ours(program).command("claude", "agent_stop"))
        assert is_our_notifier(list(Ours(program).words("codex")))


@pytest.mark.parametrize("agent", ["claude", "gemini"])
@pytest.mark.parametrize("before", ["{}", '{"hooks": {}}', '{\n\t"a": 1,\n\t"hooks": {"Stop": []}\n}', '{"tools": {}}'])
def test_settings_without_hooks_get_one_for_each_event(agent: str, before: str) -> None:
    after = settings.install_json(before, agent, OURS, first=True)
    assert {event: found for event, found in commands(after).items() if found} == new(agent)
    assert settings.install_json(after, agent, OURS, first=True) == after


def test_an_old_hook_is_rewritten_where_it_stands_and_a_second_one_goes() -> None:
    theirs = hook("notify-send 'größer'")
    groups = [
        {"matcher": "x", "hooks": [theirs, hook(RECEIVERS[2]), hook(RECEIVERS[0])]},
        {"hooks": [hook(RECEIVERS[3])]},
    ]
    text = json.dumps({"hooks": {"Stop": groups, "Notification": [{"hooks": [hook(RECEIVERS[0])]}]}}, indent=2)
    after = settings.install_json(text, "claude", OURS, first=True)
    stop = json.loads(after)["hooks"]["Stop"]
    assert stop == [{"matcher": "x", "hooks": [theirs, hook(OURS.command("claude", "agent_stop"))]}]
    assert set(json.loads(after)["hooks"]) == set(EVENTS["claude"])


def test_other_files_of_an_agent_keep_no_hook_of_ours() -> None:
    text = json.dumps({"hooks": {"Stop": [{"hooks": [hook(RECEIVERS[0])]}]}, "a": 1})
    assert json.loads(settings.install_json(text, "claude", OURS, first=False)) == {"a": 1}


def test_what_else_runs_the_single_user_program_is_taken_out_and_the_rest_stays() -> None:
    servers = {"t": {"command": "python", "args": ["$HOME/tc/x"]}, "other": {"command": "/home/ada/tc-2/x"}}
    mine = [{"hooks": [hook("~/tc/bin/mine"), hook("theirs")]}]
    document = {"mcpServers": servers, "id": 2**60 + 1, "hooks": {"Stop": mine}, "projects": {"/home/ada/tc": {}}}
    after = json.loads(settings.install_json(json.dumps(document), "claude", OURS, first=False))
    del servers["t"]
    del mine[0]["hooks"][0]
    assert after == document


@pytest.mark.parametrize("text", ["[]", '{"hooks": []}', '{"hooks": {"Stop": {}}}', "{,}", '{"a": 1, "a": 2}'])
def test_what_is_no_settings_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        settings.install_json(text, "claude", OURS, first=True)


NAMES = st.sampled_from(["Stop", "SessionStart", "PreCompact", "a"])
HOOKS = st.sampled_from([*RECEIVERS, *OTHERS]).map(hook)
GROUPS = st.lists(
    st.fixed_dictionaries({"hooks": st.lists(HOOKS, max_size=3)}, optional={"matcher": st.just("*")}), max_size=3
)
DOCUMENTS = st.fixed_dictionaries(
    {}, optional={"model": st.text(max_size=3), "hooks": st.dictionaries(NAMES, GROUPS, max_size=3), "z": st.none()}
)
STYLES: list[dict[str, Any]] = [{}, {"indent": 2}, {"indent": "\t", "ensure_ascii": False}, {"separators": (",", ":")}]


@given(DOCUMENTS, st.sampled_from(STYLES), st.sampled_from(["claude", "gemini"]))
def test_hooks_of_others_stay_whatever_stands_between_them(document: Any, style: dict[str, Any], agent: str) -> None:
    text = json.dumps(document, **style)
    theirs = {event: [each for each in found if each in OTHERS] for event, found in commands(text).items()}
    after = settings.install_json(text, agent, OURS, first=True)
    assert settings.install_json(after, agent, OURS, first=True) == after
    ours = {event: [each for each in found if each not in OTHERS] for event, found in commands(after).items()}
    assert {event: found for event, found in ours.items() if found} == new(agent)
    for changed in (after, settings.take_out_json(after), settings.give_back_json(after, text)):
        left = {event: [each for each in found if each in OTHERS] for event, found in commands(changed).items()}
        assert {event: found for event, found in left.items() if found} == {e: f for e, f in theirs.items() if f}
        assert json.loads(changed).get("model") == document.get("model")


def test_hooks_go_back_to_what_they_were_among_what_was_added_since() -> None:
    kept = json.dumps({"hooks": {"Stop": [{"hooks": [hook(RECEIVERS[0])]}]}}, indent=2)
    now = json.loads(settings.install_json(kept, "claude", OURS, first=True))
    now["hooks"]["Stop"].append({"hooks": [hook("theirs")]})
    back = settings.give_back_json(json.dumps(now), kept)
    assert commands(back) == {"Stop": [RECEIVERS[0], "theirs"]}


CODEX = 'model = "o5"\nnotify = ["/home/ada/tc/hooks/receiver/__main__.py", "--agent", "codex"]\n[x]\na = 1 # b\n'


def test_the_notifier_of_codex_is_rewritten_and_goes_back() -> None:
    after = settings.install_toml(CODEX, OURS)
    assert tomllib.loads(after)["notify"] == [*OURS.program, "hook", "--agent", "codex"]
    assert [line for line in after.splitlines() if "notify" not in line] == ['model = "o5"', "[x]", "a = 1 # b"]
    assert settings.install_toml(after, OURS) == after
    assert tomllib.loads(settings.give_back_toml(after + "b = 2\n", CODEX))["notify"] == tomllib.loads(CODEX)["notify"]
    assert settings.give_back_toml(settings.install_toml("[x]\n", OURS), "[x]\n") == "[x]\n"


def test_a_notifier_of_another_program_stays() -> None:
    with pytest.raises(ValueError, match="notify runs another program"):
        settings.install_toml('notify = ["say"]\n', OURS)
    server = '[mcp_servers.t]\ncommand = "/home/ada/tc/x"\n'
    assert tomllib.loads(settings.install_toml(f'notify = ["say"]\n{server}', OURS)) == {"notify": ["say"]}


def test_a_server_of_codex_that_runs_the_single_user_program_is_commented_out() -> None:
    text = f'{CODEX}[mcp_servers.t]\ncommand = "/home/ada/tc/x"\n[mcp_servers.other]\ncommand = "y"\n'
    after = settings.install_toml(text, OURS)
    assert tomllib.loads(after)["mcp_servers"] == {"other": {"command": "y"}}
    with pytest.raises(ValueError, match=r"lines of mcp_servers\.t are not certain"):
        settings.install_toml('mcp_servers = {t = {command = "/home/ada/tc/x"}, u = {}}\n', OURS)
