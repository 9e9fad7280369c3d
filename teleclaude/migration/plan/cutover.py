"""What still leads to the old installation, with the command that changes it and the one that takes that back. Pure.

Nothing of it is changed by us. A command keeps the file that it changes, so that the rollback finds it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from teleclaude.migration.report.events import CutoverItem
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.references import Kind, Reference, Service
from teleclaude.platform.names import Names, names_of
from teleclaude.printable import printable

KEPT = "single-user"
"""How the names end of the files that the commands keep."""

WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)

BLOCK = re.compile(r"(?:if|for|while|until|case|switch|function|begin)\b")

PART = re.compile(rf"{BLOCK.pattern}|(?:elif|else|fi|done|esac|end|then|do)\b|[{{}}]")
"""How a line of a shell begins that may be only a part of a command."""

CLOSES = re.compile(r"(?:\b(?:fi|done|esac|end)|\})$")

GOES_ON = re.compile(r"(?:\\|&&|\||[({]|\b(?:then|do|else|in))$")

PATHS = re.compile(r"\bPATH=|\bfpath=|\bfish_user_paths\b|\bfish_add_path\b")

OWN_VALUE = re.compile(r"\$\{?(?:PATH|fpath|fish_user_paths)")


def find_cutover(inventory: Inventory) -> Iterator[CutoverItem]:
    """Yield everything that still leads to the old installation, and what to do about each."""
    for service in inventory.services:
        yield of_service(service, names_of(inventory.platform))
    files: dict[Path, list[Reference]] = {}
    for reference in inventory.references:
        files.setdefault(reference.path, []).append(reference)
    for references in files.values():
        yield from of_file(references, _who_may_change(references[0], inventory))


def _who_may_change(reference: Reference, inventory: Inventory) -> str | None:
    """Return as whom a command must run, None where that is whoever runs it anyway."""
    if reference.crontab:
        return reference.crontab if inventory.is_root else None
    of_system = str(reference.path).startswith(("/etc/", "/usr/")) and inventory.home not in reference.path.parents
    return "root" if of_system else account_name(inventory)


def account_name(inventory: Inventory) -> str | None:
    """Return the user who controls the old installation, for sudo; None where this process reads it as itself.

    What lies in his home is changed with his rights, because root follows no link of somebody else to write.
    """
    if inventory.account is None:
        return None
    return inventory.account.name or f"#{inventory.account.uid}"


def of_service(service: Service, names: Names) -> CutoverItem:
    """Return what keeps a service from starting the old program, and what lets it again."""
    unit, commands = service.unit, names.commands
    state = "running" if service.running else "starts by itself" if service.at_boot else "does not start by itself"
    needed = service.running or service.at_boot
    takes_back = needed or unit.name == names.old.name
    return CutoverItem(
        kind=names.unit_kind,
        path=printable(unit.path),
        place=state,
        runs=service.runs,
        command=unit.fill(commands.retire) if needed else "",
        back=unit.fill(commands.restore if service.at_boot else commands.launch) if takes_back else "",
        needed=needed,
    )


def of_file(references: list[Reference], person: str | None) -> Iterator[CutoverItem]:
    """Yield what leads there from one file. One command changes all of it, because a second one would find it moved."""
    active = [reference for reference in references if reference.active]
    clear = all(map(_is_clear, active))
    change = _as(person, _change(active)) if active and clear else ""
    back = _as(person, _restore(references[0])) if clear else ""
    for reference in references:
        yield CutoverItem(
            kind=str(reference.kind),
            path=printable(reference.path),
            place=_place(reference),
            runs=reference.runs,
            command=change if reference.active else "",
            back=back,
            needed=reference.active,
            hint="" if reference.active and clear else _hint(reference),
        )


def _place(reference: Reference) -> str:
    if reference.kind is Kind.CRON and not reference.active:
        return f"line {_numbers(reference)}, commented out"
    if reference.keys:
        return to_jq(reference.keys)
    return f"line {_numbers(reference)}" if reference.lines else ""


def _numbers(reference: Reference) -> str:
    first, last = reference.lines or (0, 0)
    return str(first) if first == last else f"{first}-{last}"


def to_jq(keys: tuple[str | int, ...]) -> str:
    """Return the way to a value as jq writes it; jq before 1.7 takes no dot between a value and a bracket."""
    parts = (f".{key}" if isinstance(key, str) and WORD.fullmatch(key) else f"[{json.dumps(key)}]" for key in keys)
    way = "".join(parts)
    return way if way.startswith(".") else f".{way}"


def _is_clear(reference: Reference) -> bool:
    """Whether a command can change it without reading what stands around it."""
    if reference.kind is Kind.SHELL:
        return is_whole_command(reference.text) and not keeps_other_paths(reference.text)
    return reference.clear


def _hint(reference: Reference) -> str:
    where, path = _place(reference), printable(reference.path)
    if not reference.active:
        return f"to go back, take the # away from line {_numbers(reference)} of {path}, if it came for this"
    if reference.kind is Kind.SHELL:
        return f"edit {path}, {where}: take out what leads to the old installation"
    return f"edit {path}: take out {where}"


def _change(references: list[Reference]) -> str:
    """Return the command that changes a file."""
    first = references[0]
    file, kept = shlex.quote(str(first.path)), shlex.quote(str(kept_file(first)))
    if first.kind is Kind.LINK:
        return f"rm {file}"
    if first.kind is Kind.SCRIPT:
        return f"mv {file} {kept}"
    program, made = _editor(references), shlex.quote(f"{kept_file(first)}.new")
    # What fails on the way, such as a program that is not there, must not empty the file. It may hold secrets.
    if first.crontab:
        write = f"(umask 077; crontab -l > {made}) && mv {made} {kept} && {program} {kept} | crontab -"
    else:
        write = f"(umask 077; {program} {file} > {made}) && cp -p {file} {kept} && cat {made} > {file} && rm {made}"
    return f"test -e {kept} || {{ {write}; }}"


def _restore(reference: Reference) -> str:
    """Return the command that puts back what was kept, if anything was."""
    file, kept = shlex.quote(str(reference.path)), shlex.quote(str(kept_file(reference)))
    if reference.kind is Kind.LINK:
        return f"test -L {file} || ln -s {shlex.quote(reference.text)} {file}"
    if reference.kind is Kind.SCRIPT:
        return f"test ! -e {kept} || mv {kept} {file}"
    if reference.crontab:
        return f"test ! -e {kept} || {{ crontab {kept} && rm {kept}; }}"
    # Not mv, so that a link and its mode stay.
    return f"test ! -e {kept} || {{ cat {kept} > {file} && rm {kept}; }}"


def kept_file(reference: Reference) -> Path:
    """Return where the old content of a file is kept; a name that begins with a dot is read by no cron and no shell."""
    if reference.crontab:
        return (reference.home or Path("/")) / f".crontab.{KEPT}"
    return reference.path.with_name(f".{reference.path.name.lstrip('.')}.{KEPT}")


def _editor(references: list[Reference]) -> str:
    if references[0].keys and references[0].path.suffix != ".toml":
        entries = ", ".join(to_jq(reference.keys) for reference in references)
        return f"jq {shlex.quote(f'del({entries})')}"
    # In a shell the line may be all that a block holds, and an empty block is an error there.
    mark = ": # " if references[0].kind is Kind.SHELL else "# "
    edits = [f"-e {shlex.quote(f'{_sed_lines(reference)}s/^/{mark}/')}" for reference in references]
    return f"sed {' '.join(edits)}"


def _sed_lines(reference: Reference) -> str:
    first, last = reference.lines or (0, 0)
    return str(first) if first == last else f"{first},{last}"


def _as(person: str | None, command: str) -> str:
    if person is None:
        return command
    who = "sudo" if person == "root" else f"sudo -u {shlex.quote(person)}"
    return f"{who} sh -c {shlex.quote(command)}"


def is_whole_command(line: str) -> bool:
    """Whether a shell does something sensible without the line: it is no part of a longer command."""
    bare = line.strip()
    try:
        shlex.split(bare, comments=True)
    except ValueError:
        # A quote or a backslash goes on in the next line.
        return False
    if PART.match(bare):
        return BLOCK.match(bare) is not None and CLOSES.search(bare.rstrip("; ")) is not None
    return not GOES_ON.search(bare)


def keeps_other_paths(line: str) -> bool:
    """Whether a line also puts other folders on the PATH."""
    if not PATHS.search(line):
        return False
    value = line.partition("=")[2] or line
    parts = [part.strip("\"' ();") for part in re.split(r"[:;]|\s+", value)]
    others = [part for part in parts if "/" in part and not OWN_VALUE.search(part)]
    return len(others) > 1
