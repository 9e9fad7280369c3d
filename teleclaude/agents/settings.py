"""Our entries in the settings of an agent: put in, taken out, given back. Pure: from a text to a text.

Every byte outside of our entries stays.
"""

from __future__ import annotations

import tomllib

from teleclaude.agents import EVENTS, json_text, toml_text
from teleclaude.agents.entries import Keys, Ours, find_hooks, find_old, is_our_notifier


def install_json(text: str, agent: str, ours: Ours, *, first: bool) -> str:
    """Return settings in which each event has one hook of ours, in the first file of the agent alone.

    Raises ValueError where they are no settings.
    """
    text = _take_old(_checked(text), ours)
    if not first:
        return take_out_json(text)
    seen: set[str] = set()
    while extra := next((keys for keys, _ in find_hooks(json_text.read(text)) if _is_extra(agent, keys, seen)), None):
        text, seen = _remove_hook(text, extra), set()
    for keys, _ in find_hooks(json_text.read(text)):
        text = json_text.replace(text, (*keys, "command"), ours.command(agent, EVENTS[agent][str(keys[1])]))
    for native, event in EVENTS[agent].items():
        if native not in seen:
            text = _add_hook(text, native, _make_hook(agent, event, ours))
    return _enable(text) if agent == "gemini" else text


def _is_extra(agent: str, keys: Keys, seen: set[str]) -> bool:
    """Whether a hook of ours is for no event of ours, or the second for its event; those that are not are noted."""
    event = str(keys[1])
    extra = event not in EVENTS[agent] or event in seen
    seen.add(event)
    return extra


def _make_hook(agent: str, event: str, ours: Ours) -> dict[str, str]:
    hook = {"type": "command", "command": ours.command(agent, event)}
    return {"name": f"teleclaude-{event}", **hook, "description": "TeleClaude"} if agent == "gemini" else hook


def _add_hook(text: str, event: str, hook: dict[str, str]) -> str:
    document = json_text.read(text)
    group = {"matcher": "*", "hooks": [hook]}
    if "hooks" not in document:
        return json_text.add(text, ("hooks",), {event: [group]})
    if event not in document["hooks"]:
        return json_text.add(text, ("hooks", event), [group])
    return json_text.add(text, ("hooks", event, len(document["hooks"][event])), group)


def _enable(text: str) -> str:
    """Let Gemini CLI run hooks, where its settings do not say whether it does."""
    tools = json_text.read(text).get("tools", {})
    if not isinstance(tools, dict) or "enableHooks" in tools:
        return text
    if tools or "tools" in json_text.read(text):
        return json_text.add(text, ("tools", "enableHooks"), True)
    return json_text.add(text, ("tools",), {"enableHooks": True})


def take_out_json(text: str) -> str:
    """Return settings without our hooks, and without what held nothing else."""
    while found := next(find_hooks(json_text.read(text)), None):
        text = _remove_hook(text, found[0])
    return text


def give_back_json(text: str, kept: str) -> str:
    """Return settings in which our hooks are again those of an older text, as far as it had them."""
    before: dict[str, str] = {}
    for keys, command in find_hooks(json_text.read(kept)):
        before.setdefault(str(keys[1]), command)
    while found := next((keys for keys, _ in find_hooks(json_text.read(text)) if str(keys[1]) not in before), None):
        text = _remove_hook(text, found)
    for keys, _ in find_hooks(json_text.read(text)):
        text = json_text.replace(text, (*keys, "command"), before[str(keys[1])])
    return text


def _remove_hook(text: str, keys: Keys) -> str:
    """Return the text without a hook, and without its group, event and `hooks` where they hold nothing else."""
    for upto in (5, 3, 2, 1):
        text = json_text.remove(text, keys[:upto])
        holder = json_text.read(text)
        for key in keys[: upto - 1]:
            holder = holder[key]
        if holder:
            break
    return text


def _take_old(text: str, ours: Ours) -> str:
    """Return the text without what runs the single-user program and is no hook of its receiver."""
    while ours.old is not None:
        found = find_old(json_text.read(text), ours.old)
        hooks = {keys for keys, _ in find_hooks(json_text.read(text))}
        keys = next((keys for keys in found if keys not in hooks), None)
        if keys is None:
            break
        text = _remove_hook(text, keys) if keys[:1] == ("hooks",) and len(keys) == 5 else json_text.remove(text, keys)
    return text


def _checked(text: str) -> str:
    """Return the text; raises ValueError where what it holds is not what an agent writes."""
    document = json_text.read(text)
    hooks = document.get("hooks", {}) if isinstance(document, dict) else None
    if not isinstance(hooks, dict) or not all(isinstance(groups, list) for groups in hooks.values()):
        raise ValueError("it has another form than the agent gives it")
    return text


def install_toml(text: str, ours: Ours) -> str:
    """Return settings of Codex whose notifier is ours, and in which nothing runs the single-user program.

    Raises ValueError where another program is the notifier, or the place of an entry is not certain.
    """
    begun, notify = text, tomllib.loads(text).get("notify")
    while ours.old is not None:
        keys = next((keys for keys in find_old(tomllib.loads(text), ours.old) if keys != ("notify",)), None)
        if keys is None:
            break
        text = toml_text.comment_out(text, _lines(text, keys))
    if notify is not None and not is_our_notifier(notify) and not (ours.old and find_old({"notify": notify}, ours.old)):
        if text == begun:
            raise ValueError("notify runs another program, and Codex takes one")
        return text
    lines = None if notify is None else _lines(text, ("notify",))
    words = ours.words("codex")
    return text if notify == list(words) else toml_text.put(text, "notify", words, lines)


def give_back_toml(text: str, kept: str) -> str:
    """Return settings in which our notifier is again that of an older text, or gone where that had none."""
    if not is_our_notifier(tomllib.loads(text).get("notify")):
        return text
    first, last = _lines(text, ("notify",))
    before = tomllib.loads(kept).get("notify")
    if before is not None:
        return toml_text.put(text, "notify", before, (first, last))
    lines = text.split("\n")
    return "\n".join([*lines[: first - 1], *lines[last:]])


def _lines(text: str, keys: Keys) -> tuple[int, int]:
    lines = toml_text.find_lines(text, keys)
    if lines is None:
        raise ValueError(f"the lines of {'.'.join(map(str, keys))} are not certain")
    return lines
