"""The files of a run that say how to go on and how to go back, in commands that a person can run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from teleclaude.db import schema
from teleclaude.db.models import MigrationRun, Model
from teleclaude.migration.plan.plan import Plan, published_paths
from teleclaude.migration.values.identifiers import EVENTS, LEGACY, ORIGIN, quote
from teleclaude.platform.names import SYSTEMS, names_of
from teleclaude.printable import printable

_CUTOVER, _CUTOVER_UNDO, _ROLLBACK_SQL = "cutover.sh", "cutover-undo.sh", "rollback.sql"

_DROP_LEGACY = f"""DO $$ DECLARE legacy regclass; BEGIN
  FOR legacy IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    AND obj_description(oid, 'pg_class') LIKE '{ORIGIN}%' LOOP EXECUTE 'DROP TABLE ' || legacy; END LOOP;
END $$"""  # noqa: S608
"""Drops the tables that the models do not know, by the comment that says where they come from."""


def rollback_statements() -> tuple[str, ...]:
    """Return the SQL that empties the target again; it needs to know nothing of the run."""
    ours = [quote(name) for name in (*Model.metadata.tables, schema.VERSION_TABLE)]
    # The prechecks refuse a target that has one of these schemas, so everything in them is ours.
    schemas = (f"DROP SCHEMA IF EXISTS {quote(name)} CASCADE" for name in (LEGACY, EVENTS))
    search = f"DROP FUNCTION {', '.join(schema.FUNCTIONS)}"
    return (f"DROP TABLE {', '.join(ours)}", _DROP_LEGACY, search, *schemas)


def write_down(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Yield the files that say how to go on and how to go back, each with its text, for a shell or for psql."""
    files = {
        _ROLLBACK_SQL: (f"{statement};" for statement in rollback_statements()),
        _CUTOVER: describe_cutover(plan),
        _CUTOVER_UNDO: describe_cutover_undo(plan),
        rollback_text(plan).name: describe_rollback(plan),
    }
    for name, lines in files.items():
        yield plan.folder / name, "".join(f"{line}\n" for line in lines)


def rollback_text(plan: Plan) -> Path:
    """Return the place of the commands that go back after a success."""
    return plan.folder / "rollback.txt"


def since_script(plan: Plan) -> Path:
    """Return the place of the SQL that lists the tables which changed since the migration."""
    return plan.folder / "since.sql"


def count_since(plan: Plan, committed: Mapping[str, int]) -> str:
    """Return the SQL that lists the tables which changed since the migration; it committed so many rows of each.

    A row that was written after the run was completed has a younger transaction in `xmin` than the run's row has
    (PostgreSQL manual, system columns). That holds until the database is restored from a dump.
    """
    known = {table.sql_name: committed[table.label] for table in plan.tables}
    tables = known | {quote(name): 0 for name in Model.metadata.tables if quote(name) not in known}
    tables.pop(quote(MigrationRun.__tablename__))
    since = "count(*) FILTER (WHERE age(xmin) < (SELECT age FROM run))"
    counts = "\n  UNION ALL ".join(
        f"SELECT {_text(name)}, {rows}, count(*), {since} FROM {name}"  # noqa: S608
        for name, rows in tables.items()
    )
    return f"""\\echo 'Tables that changed since the migration; an empty list means that nothing was written.'
WITH run AS (SELECT age(xmin) FROM migration_runs WHERE run_id = '{plan.run}' AND state = 'complete')
SELECT * FROM (
  {counts}
) AS counted ("table", "rows migrated", "rows here now", "new or changed since")
WHERE "new or changed since" > 0 OR "rows here now" < "rows migrated";
"""  # noqa: S608


def _text(name: str) -> str:
    return "'" + name.replace('"', "").replace("'", "''") + "'"


def describe_emptying(plan: Plan) -> tuple[str, ...]:
    """Return the command that empties the database again."""
    return _psql(plan, "--set ON_ERROR_STOP=1 --single-transaction", plan.folder / _ROLLBACK_SQL)


def _psql(plan: Plan, flags: str, script: Path) -> tuple[str, ...]:
    if plan.url is None:
        return ()
    return (f"{_sudo(plan)}psql {_database(plan)} --no-psqlrc {flags} --file {_word(script)}",)


def _database(plan: Plan) -> str:
    # Without the stars libpq reads the password from the same file or variable again, or asks for it.
    return shlex.quote(plan.target.replace(":***@", "@")) if plan.target else ""


def describe_config_removal(plan: Plan) -> tuple[str, ...]:
    """Return the commands that remove the published configuration, the user's own file with that user's rights."""
    system = f"{_word(plan.inventory.layout.system_config)} {_word(plan.inventory.layout.secrets)}"
    user = f"sudo -u {shlex.quote(plan.user_account)} " if _sudo(plan) and plan.user_account else _sudo(plan)
    return f"{_sudo(plan)}rm -f {system}", f"{user}rm -f {_word(plan.inventory.user_config)}"


def _sudo(plan: Plan) -> str:
    return "sudo " if plan.inventory.as_service_user else ""


def _word(path: Path) -> str:
    return shlex.quote(str(path))


def describe_docs_removal(plan: Plan) -> tuple[str, ...]:
    """Return the command that removes the published snippets."""
    return (f"{_sudo(plan)}rm -rf {_word(plan.inventory.layout.docs)}",) if plan.inventory.docs else ()


NO_JQ = "nothing was changed: the settings of agents are edited with jq; install jq and run this again"
"""What cutover.sh says where a command needs jq and there is none."""


def describe_next(plan: Plan) -> tuple[str, ...]:
    """Return how to go on after a success, in lines of a shell; a trial needs no cutover."""
    if plan.inventory.layout.root is not None:
        return (f"teleclaude daemon --root {_word(plan.inventory.layout.root)}",)
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
    if any("jq " in item.command for item in plan.cutover):
        lines.append(f"command -v jq >/dev/null || {{ echo '{NO_JQ}' >&2; exit 3; }}")
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
    undo = f"{_sudo(plan)}sh {_word(plan.folder / _CUTOVER_UNDO)}" if describe_cutover_undo(plan) else _NOTHING_REFERS
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
        "# 4. Undo the cutover, as far as it was done.",
        undo,
        *_start_old(plan),
    )


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
    return (f"# To keep a copy of it: {_sudo(plan)}pg_dump {_database(plan)} --format=custom --file {dump}",)


def _stop_new(plan: Plan) -> tuple[str, ...]:
    if plan.inventory.layout.root is not None:
        return ("# 2. Stop the new daemon, if it was started, by Ctrl-C in its terminal.",)
    names = names_of(plan.inventory.platform)
    stop = f"if {names.commands.know} >/dev/null 2>&1; then {names.commands.retire}; fi"
    return "# 2. Stop the new daemon, if it was started.", names.our(stop)
