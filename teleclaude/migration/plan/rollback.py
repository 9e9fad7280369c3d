"""The files of a run that say how to go on and how to go back, in commands that a person can run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from teleclaude.migration.plan.plan import Plan, published_paths
from teleclaude.migration.plan.rollback_sql import make_rollback
from teleclaude.migration.source.known_files import INDEX
from teleclaude.platform.names import SYSTEMS, names_of
from teleclaude.printable import printable, seen, shows_all

_CUTOVER, _CUTOVER_UNDO, _ROLLBACK, _ROLLBACK_SQL = "cutover.sh", "cutover-undo.sh", "rollback.txt", "rollback.sql"
_SINCE = "since.sql"

COMMAND_FILES = (_CUTOVER, _CUTOVER_UNDO, _ROLLBACK, _ROLLBACK_SQL, _SINCE)
"""The files in the folder of a run that somebody could run. A run of which nothing is left keeps none of them."""


def write_down(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Yield the files that say how to go on and how to go back, each with its text; a trial needs no cutover."""
    yield plan.folder / _ROLLBACK_SQL, make_rollback(plan.run)
    files = {_CUTOVER: describe_cutover(plan), _CUTOVER_UNDO: describe_cutover_undo(plan)} if not plan.is_trial else {}
    for name, lines in {**files, _ROLLBACK: describe_rollback(plan)}.items():
        yield plan.folder / name, "".join(f"{line}\n" for line in to_script(lines))


_BY_HAND = "# Do this by hand. A name in it has characters that are not shown; \\xNN stands for each of them:"
LEFT_OUT = "a command was not run, because a name in it has characters that are not shown: it is marked, do it by hand"
"""What a script says of a command that is left to a person."""


def to_script(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a script in which a reader sees everything; any other command is left to a person."""
    for line in lines:
        if shows_all(line) or line.startswith("#"):
            yield seen(line)
        else:
            yield from (_BY_HAND, f"#   {seen(line)}", f"echo '{LEFT_OUT}' >&2")


def rollback_text(plan: Plan) -> Path:
    """Return the place of the commands that go back after a success."""
    return plan.folder / _ROLLBACK


def since_script(plan: Plan) -> Path:
    """Return the place of the SQL that lists the tables which changed since the migration."""
    return plan.folder / _SINCE


def describe_emptying(plan: Plan) -> tuple[str, ...]:
    """Return the command that empties the database again, if it holds this run."""
    return _psql(plan, "--set ON_ERROR_STOP=1 --set SHOW_CONTEXT=never", plan.folder / _ROLLBACK_SQL)


def _psql(plan: Plan, flags: str, script: Path) -> tuple[str, ...]:
    """Return the command that runs a script, after a comment where no file has the password."""
    if plan.url is None:
        return ()
    command = f"{_as_libpq(plan)}psql {_database(plan)} --no-psqlrc {flags} --file {_word(script)}"
    if plan.url.password is None or plan.inventory.password_from:
        return (command,)
    host = plan.url.query.get("host") or plan.url.host or "this computer"
    whose = f"role {plan.url.username}, database {plan.url.database} on {host}"
    return f"# No file has the password, so psql asks for it unless PGPASSWORD is set: {printable(whose)}.", command


def _as_libpq(plan: Plan) -> str:
    """Return what comes before a program of PostgreSQL, so that it finds the password where the migration did."""
    services = plan.inventory.password_from.get("PGSERVICEFILE")
    return _sudo(plan) + (f"env PGSERVICEFILE={shlex.quote(services)} " if services else "")


def _database(plan: Plan) -> str:
    # Without the stars libpq reads the password from the same file or variable again, or asks for it.
    return shlex.quote(plan.target.replace(":***@", "@")) if plan.target else ""


def describe_config_removal(plan: Plan) -> tuple[str, ...]:
    """Return the commands that remove the published configuration, the user's own file with that user's rights.

    A file that another run has published stays, because it has another mark.
    """
    user = f"sudo -u {shlex.quote(plan.user_account)} " if _sudo(plan) and plan.user_account else _sudo(plan)
    system = (plan.inventory.layout.system_config, plan.inventory.layout.secrets)
    places = {**dict.fromkeys(system, _sudo(plan)), plan.inventory.user_config: user}
    return tuple(_if_ours(plan, path, sudo, f"rm -f {_word(path)}") for path, sudo in places.items())


def _if_ours(plan: Plan, marked: Path, sudo: str, command: str) -> str:
    """Return a command that is run only where a file has the mark of this run."""
    # The end of the mark is enough, and keeps the line short.
    mark = shlex.quote(f"run {plan.run}.")
    return f"{sudo}grep -qsF {mark} {_word(marked)} && {sudo}{command}"


def _sudo(plan: Plan) -> str:
    return "sudo " if plan.inventory.as_service_user else ""


def _word(path: Path) -> str:
    return shlex.quote(str(path))


def describe_docs_removal(plan: Plan) -> tuple[str, ...]:
    """Return the command that removes the published snippets, unless they are those of another run."""
    docs = plan.inventory.layout.docs
    return (_if_ours(plan, docs / INDEX, _sudo(plan), f"rm -rf {_word(docs)}"),) if plan.inventory.docs else ()


def describe_next(plan: Plan) -> tuple[str, ...]:
    """Return how to go on after a success, in lines of a shell; a trial needs no cutover."""
    root = plan.inventory.layout.root
    if root is not None:
        return (f"teleclaude daemon --root {_word(root)}",)
    names = names_of(plan.inventory.platform)
    script = f"{_sudo(plan)}sh {_word(plan.folder / _CUTOVER)}  # read it first"
    needed = (script,) if any(item.needed for item in plan.cutover) else ()
    return (*needed, names.our(names.commands.launch))


def describe_cutover(plan: Plan) -> tuple[str, ...]:
    """Return the lines of cutover.sh: what refers to the old installation, with the commands that change it."""
    old = printable(plan.inventory.checkout)
    lines = [
        f"# Everything that referred to the old installation {old} when the migration {plan.run} began.",
        "# Until it is changed, hooks and commands write to the old files, and nothing warns you.",
        f"# Each command keeps a copy of what it changes; {printable(plan.folder / _CUTOVER_UNDO)} puts it back.",
    ]
    listed = {""}
    for item in plan.cutover:
        lines.append(f"# {item.kind}: {item.path}{f', {item.place}' if item.place else ''}: {item.runs}")
        if item.command not in listed:
            lines.append(item.command)
        elif not item.command:
            lines.append(f"#   {item.hint or 'nothing to do'}")
        listed.add(item.command)
    return tuple(lines) if plan.cutover else (*lines, _NOTHING_REFERS)


_NOTHING_REFERS = "# Nothing was found that refers to it."


def describe_cutover_undo(plan: Plan) -> tuple[str, ...]:
    """Return the lines of cutover-undo.sh, each command once; services are started again by the rollback alone."""
    items = [item for item in plan.cutover if item.kind not in _SERVICES]
    by_hand = (f"# {item.hint}" for item in items if item.hint and not item.needed)
    return (*dict.fromkeys(item.undo for item in items if item.undo), *dict.fromkeys(by_hand))


_SERVICES = tuple(system.unit_kind for system in SYSTEMS)


def describe_rollback(plan: Plan) -> tuple[str, ...]:
    """Return the lines of rollback.txt: how to go back to the single-user installation after a success."""
    places = (*published_paths(plan), *((plan.inventory.layout.docs,) if plan.inventory.docs else ()))
    return (
        "# The old installation was not changed: every file of it is as it was before the migration.",
        "# What is written to the new system from now on is not in the old one.",
        "# 1. See what you would lose: rows that are new or changed, and files that somebody changed.",
        *_psql(plan, "--pset pager=off", since_script(plan)),
        f"{_sudo(plan)}find {' '.join(map(_word, places))} -type f -newer {_word(plan.folder / 'report.json')}",
        *_keep_dump(plan),
        *_stop_new(plan),
        "# 3. Remove the published files and empty the database.",
        *describe_config_removal(plan),
        *describe_docs_removal(plan),
        *describe_emptying(plan),
        *(_AFTER_TRIAL if plan.is_trial else (*_undo_cutover(plan), *_start_old(plan))),
    )


_AFTER_TRIAL = (
    "# The trial changed nothing else. If you stopped the old daemon for it, start it again as you did before.",
)


def _undo_cutover(plan: Plan) -> tuple[str, ...]:
    undo = f"{_sudo(plan)}sh {_word(plan.folder / _CUTOVER_UNDO)}" if describe_cutover_undo(plan) else _NOTHING_REFERS
    return "# 4. Undo the cutover, as far as it was done.", undo


def _start_old(plan: Plan) -> tuple[str, ...]:
    starts = [item.undo for item in plan.cutover if item.kind in _SERVICES and item.undo]
    if starts:
        return "# 5. Start the old daemon again.", *starts
    return (
        "# 5. Start the old daemon again by hand, because no unit or launch agent was found that starts it:",
        f"# cd {printable(_word(plan.inventory.checkout))} && .venv/bin/python -m teleclaude.daemon",
    )


def _keep_dump(plan: Plan) -> tuple[str, ...]:
    if plan.url is None:
        return ()
    dump = printable(_word(plan.folder / "new-system.dump"))
    return (f"# To keep a copy of it: {_as_libpq(plan)}pg_dump {_database(plan)} --format=custom --file {dump}",)


def _stop_new(plan: Plan) -> tuple[str, ...]:
    if plan.is_trial:
        return ("# 2. Stop the new daemon, if it was started, by Ctrl-C in its terminal.",)
    names = names_of(plan.inventory.platform)
    stop = f"if {names.commands.know} >/dev/null 2>&1; then {names.commands.retire}; fi"
    return "# 2. Stop the new daemon, if it was started.", names.our(stop)
