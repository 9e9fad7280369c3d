"""What still refers to the old installation, with the command that changes it and the command that undoes that. Pure.

The migration itself changes none of it. A command keeps a copy of the file that it changes, for the rollback.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from teleclaude.agents import SETTINGS
from teleclaude.migration.report.events import CutoverItem
from teleclaude.migration.source.inventory import Inventory, Kind, Reference, Service
from teleclaude.platform.names import Names, names_of
from teleclaude.printable import printable

_KEPT = "single-user"
"""The end of the name of a copy that a command keeps."""

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)

_BLOCK = re.compile(r"(?:if|for|while|until|case|switch|function|begin)\b")

_PART = re.compile(rf"{_BLOCK.pattern}|(?:elif|else|fi|done|esac|end|then|do)\b|[{{}}]")
"""The beginning of a line of a shell that may be only a part of a command."""

_CLOSES = re.compile(r"(?:\b(?:fi|done|esac|end)|\})$")

_GOES_ON = re.compile(r"(?:\\|&&|\||[({]|\b(?:then|do|else|in))$")

_PATHS = re.compile(r"\bPATH=|\bfpath=|\bfish_user_paths\b|\bfish_add_path\b")

_OWN_VALUE = re.compile(r"\$\{?(?:PATH|fpath|fish_user_paths)")


def find_cutover(inventory: Inventory) -> Iterator[CutoverItem]:
    """Yield everything that still refers to the old installation, and what to do about each."""
    for service in inventory.services:
        yield make_service_item(service, names_of(inventory.platform))
    groups: dict[Path | str, list[Reference]] = {}
    for reference in inventory.references:
        groups.setdefault(_find_agent(reference) or reference.path, []).append(reference)
    for references in groups.values():
        user = _find_user(references[0], inventory)
        agent = _find_agent(references[0])
        commands = make_hook_commands(agent, inventory.home, inventory.checkout) if agent else None
        yield from make_file_items(references, user, commands)


def _find_agent(reference: Reference) -> str | None:
    """Return the agent whose settings hold a reference, None where those of no agent do."""
    if reference.kind is not Kind.AGENT_HOOK:
        return None
    return next(agent for agent, names in SETTINGS.items() if any(reference.path.match(name) for name in names))


def make_hook_commands(agent: str, home: Path, checkout: Path) -> tuple[str, str]:
    """Return the command that rewrites the hooks of an agent to ours in all of its settings, and its undo."""
    folders = " ".join(f"--old {shlex.quote(str(folder))}" for folder in (checkout, home / ".teleclaude"))
    of = f"--agent {agent} --home {shlex.quote(str(home))} {folders}"
    # Not every PATH that sudo sets has the folder in which the program is installed.
    program = 'PATH="$PATH:/usr/local/bin" teleclaude hook'
    return f"{program} --install {of}", f"{program} --remove {of}"


def _find_user(reference: Reference, inventory: Inventory) -> str | None:
    """Return the user as whom a command must run, None where that is the caller."""
    if reference.crontab:
        return reference.crontab if inventory.is_root else None
    of_system = str(reference.path).startswith(("/etc/", "/usr/")) and inventory.home not in reference.path.parents
    return "root" if of_system else account_name(inventory)


def account_name(inventory: Inventory) -> str | None:
    """Return the user who controls the old installation, for sudo; None where that is the caller.

    Files in the home of that user are changed with that user's rights, so that root never writes through a link that
    somebody else made.
    """
    if inventory.account is None:
        return None
    return inventory.account.name or f"#{inventory.account.uid}"


def make_service_item(service: Service, names: Names) -> CutoverItem:
    """Return the command that keeps a service from starting the old program, and the one that undoes that.

    The old daemon's own unit starts at boot again after the undo: its user disabled it for the migration.
    """
    unit, commands = service.unit, names.commands
    state = "running" if service.running else "starts by itself" if service.at_boot else "does not start by itself"
    needed, is_daemon = service.running or service.at_boot, unit.name == names.old.name
    retire = commands.mask if unit.packaged else commands.retire
    undo = commands.restore if service.at_boot or is_daemon else commands.resume
    return CutoverItem(
        kind=names.unit_kind,
        path=printable(unit.path),
        place=state,
        runs=service.runs,
        command=unit.fill(retire) if needed else "",
        undo=unit.fill(undo) if needed or is_daemon else "",
        needed=needed,
    )


def make_file_items(
    references: list[Reference], user: str | None, commands: tuple[str, str] | None = None
) -> Iterator[CutoverItem]:
    """Yield the references of one file, or of one agent with its commands.

    One command changes all, because each edit would move the lines of the next.
    """
    active = [reference for reference in references if reference.active]
    clear = all(map(_is_clear, active))
    change, restore = commands or (_change(active) if active and clear else "", _restore(references[0]))
    change = _as(user, change) if active and clear else ""
    undo = _as(user, restore) if clear else ""
    for reference in references:
        yield CutoverItem(
            kind=str(reference.kind),
            path=printable(reference.path),
            place=_place(reference),
            runs=reference.runs,
            command=change if reference.active else "",
            undo=undo,
            needed=reference.active,
            hint="" if reference.active and clear else _hint(reference),
        )


def _place(reference: Reference) -> str:
    if reference.kind is Kind.CRON and not reference.active:
        return f"line {_numbers(reference)}, commented out"
    if reference.keys:
        return to_jq(reference.keys)
    return f"line {_numbers(reference)}" if reference.lines else ""


def _numbers(reference: Reference, between: str = "-") -> str:
    first, last = reference.lines or (0, 0)
    return str(first) if first == last else f"{first}{between}{last}"


def to_jq(keys: tuple[str | int, ...]) -> str:
    """Return the path of a value as jq writes it; jq before 1.7 takes no dot between a value and a bracket."""
    parts = (f".{key}" if isinstance(key, str) and _WORD.fullmatch(key) else f"[{json.dumps(key)}]" for key in keys)
    path = "".join(parts)
    return path if path.startswith(".") else f".{path}"


def _is_clear(reference: Reference) -> bool:
    """Whether a command can change it without regard to the lines around it."""
    if reference.kind is Kind.SHELL:
        return is_whole_command(reference.text) and not keeps_other_paths(reference.text)
    return reference.clear


def _hint(reference: Reference) -> str:
    place, path = _place(reference), printable(reference.path)
    if not reference.active:
        line = _numbers(reference)
        return f"to go back, remove the # from line {line} of {path}, if it was commented out for the migration"
    if reference.kind is Kind.SHELL:
        return f"edit {path}, {place}: remove what refers to the old installation"
    return f"edit {path}: remove {place}"


def _change(references: list[Reference]) -> str:
    """Return the command that changes a file."""
    first = references[0]
    file, kept = shlex.quote(str(first.path)), shlex.quote(str(kept_file(first)))
    if first.kind is Kind.LINK:
        return f"rm {file}"
    if first.kind is Kind.SCRIPT:
        return f"mv {file} {kept}"
    program, made = _editor(references), shlex.quote(f"{kept_file(first)}.new")
    # A command that fails, such as a program that is not there, must not empty the file. The copy may hold secrets.
    if first.crontab:
        write = f"(umask 077; crontab -l > {made}) && mv {made} {kept} && {program} {kept} | crontab -"
    else:
        write = f"(umask 077; {program} {file} > {made}) && cp -p {file} {kept} && cat {made} > {file} && rm {made}"
    return f"test -e {kept} || {{ {write}; }}"


def _restore(reference: Reference) -> str:
    """Return the command that puts the copy back, if there is one."""
    file, kept = shlex.quote(str(reference.path)), shlex.quote(str(kept_file(reference)))
    if reference.kind is Kind.LINK:
        return f"test -L {file} || ln -s {shlex.quote(reference.text)} {file}"
    if reference.kind is Kind.SCRIPT:
        return f"test ! -e {kept} || mv {kept} {file}"
    if reference.crontab:
        return f"test ! -e {kept} || {{ crontab {kept} && rm {kept}; }}"
    # cat and not mv, so that a link and the mode of its file are kept.
    return f"test ! -e {kept} || {{ cat {kept} > {file} && rm {kept}; }}"


def kept_file(reference: Reference) -> Path:
    """Return the place of the copy of a file; neither cron nor a shell reads a name that begins with a dot."""
    if reference.crontab:
        return (reference.home or Path("/")) / f".crontab.{_KEPT}"
    return reference.path.with_name(f".{reference.path.name.lstrip('.')}.{_KEPT}")


def _editor(references: list[Reference]) -> str:
    # In a shell the line may be all that a block holds, and an empty block is an error there.
    mark = ": # " if references[0].kind is Kind.SHELL else "# "
    edits = [f"-e {shlex.quote(_numbers(reference, ',') + f's/^/{mark}/')}" for reference in references]
    return f"sed {' '.join(edits)}"


def _as(user: str | None, command: str) -> str:
    if user is None:
        return command
    sudo = "sudo" if user == "root" else f"sudo -u {shlex.quote(user)}"
    return f"{sudo} sh -c {shlex.quote(command)}"


def is_whole_command(line: str) -> bool:
    """Whether a line is no part of a longer command, so that the others still work without it."""
    bare = line.strip()
    try:
        shlex.split(bare, comments=True)
    except ValueError:
        # An open quote or a backslash continues in the next line.
        return False
    if _PART.match(bare):
        return _BLOCK.match(bare) is not None and _CLOSES.search(bare.rstrip("; ")) is not None
    return not _GOES_ON.search(bare)


def keeps_other_paths(line: str) -> bool:
    """Whether a line also puts other folders on the PATH."""
    if not _PATHS.search(line):
        return False
    value = line.partition("=")[2] or line
    parts = [part.strip("\"' ();") for part in re.split(r"[:;]|\s+", value)]
    others = [part for part in parts if "/" in part and not _OWN_VALUE.search(part)]
    return len(others) > 1
