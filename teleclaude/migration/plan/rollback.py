"""The rollback, in commands that a person can run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from teleclaude.db import schema
from teleclaude.db.models import MigrationRun, Model
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.values.identifiers import EVENTS, LEGACY, ORIGIN, quote
from teleclaude.platform.names import SYSTEMS, names_of
from teleclaude.printable import printable


def rollback_statements() -> tuple[str, ...]:
    """Return the SQL that empties the target again; it needs to know nothing of the run."""
    ours = [quote(name) for name in (*Model.metadata.tables, schema.VERSION_TABLE)]
    # Neither schema stood before, or the run would have been refused: everything in them is ours.
    schemas = (f"DROP SCHEMA IF EXISTS {quote(name)} CASCADE" for name in (LEGACY, EVENTS))
    search = f"DROP FUNCTION {', '.join(schema.FUNCTIONS)}"
    return (f"DROP TABLE {', '.join(ours)}", DROP_LEGACY, search, *schemas)


DROP_LEGACY = f"""DO $$ DECLARE carried regclass; BEGIN
  FOR carried IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    AND obj_description(oid, 'pg_class') LIKE '{ORIGIN}%' LOOP EXECUTE 'DROP TABLE ' || carried; END LOOP;
END $$"""  # noqa: S608
"""Drops the tables that the models do not know, by the comment that says where they come from."""


def write_down(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Yield the files that tell how to go on and how to go back, each with its lines; a shell or psql can run them."""
    yield rollback_script(plan), _lines(f"{statement};" for statement in rollback_statements())
    yield cutover_script(plan), _lines(describe_cutover(plan))
    yield cutover_undo_script(plan), _lines(describe_cutover_undo(plan))
    yield rollback_text(plan), _lines(describe_rollback(plan))


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def rollback_text(plan: Plan) -> Path:
    """Return where the commands lie that undo a complete run."""
    return plan.folder / "rollback.txt"


def cutover_script(plan: Plan) -> Path:
    """Return where the commands lie that change what leads to the old installation."""
    return plan.folder / "cutover.sh"


def cutover_undo_script(plan: Plan) -> Path:
    """Return where the commands lie that take back the cutover."""
    return plan.folder / "cutover-undo.sh"


def rollback_script(plan: Plan) -> Path:
    """Return where the SQL that empties the target lies."""
    return plan.folder / "rollback.sql"


def since_script(plan: Plan) -> Path:
    """Return where the SQL lies that counts what was written to the new system since."""
    return plan.folder / "since.sql"


def count_since(plan: Plan, committed: Mapping[str, int]) -> str:
    """Return the SQL that lists the tables which are not what the migration left; it had `committed` so many rows.

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
    return f"""\\echo 'Tables that are not as the migration left them; none is listed where nothing was written since.'
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
    return _psql(plan, "--set ON_ERROR_STOP=1 --single-transaction", rollback_script(plan))


def _psql(plan: Plan, flags: str, script: Path) -> tuple[str, ...]:
    if plan.url is None:
        return ()
    return (f"{_sudo(plan)}psql {_database(plan)} --no-psqlrc {flags} --file {_word(script)}",)


def _database(plan: Plan) -> str:
    # Without the stars, libpq asks for the password or takes it from where it was.
    return shlex.quote(plan.target.replace(":***@", "@")) if plan.target else ""


def describe_config_removal(plan: Plan) -> tuple[str, ...]:
    """Return the commands that remove the published configuration; the user's own file with that user's rights."""
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


NEEDS_JQ, SAY_JQ = "jq ", "nothing was changed: the settings of agents need jq; install it and run this again"


def describe_next(plan: Plan) -> tuple[str, ...]:
    """Return how to go on after a success, in lines that a shell can run; a trial takes nothing from the old system."""
    if plan.inventory.layout.root is not None:
        return (f"teleclaude daemon --root {_word(plan.inventory.layout.root)}",)
    script = f"{_sudo(plan)}sh {_word(cutover_script(plan))}  # read it first"
    leads = any(lead.needed for lead in plan.cutover)
    return (script, _start_new(plan)) if leads else (_start_new(plan),)


def _start_new(plan: Plan) -> str:
    names = names_of(plan.inventory.platform)
    return names.our(names.commands.launch)


def describe_cutover(plan: Plan) -> tuple[str, ...]:
    """Return what still leads to the old installation, with the commands that change it."""
    lines = [
        f"# What led to the old installation {printable(plan.inventory.checkout)} when the migration {plan.run} began.",
        "# As long as it does, hooks and commands go on writing to the old files, and nobody notices.",
        f"# Every command keeps what it changes; {printable(cutover_undo_script(plan))} puts it back.",
    ]
    if any(NEEDS_JQ in lead.command for lead in plan.cutover):
        lines.append(f"command -v jq >/dev/null || {{ echo '{SAY_JQ}' >&2; exit 3; }}")
    said = {""}
    for lead in plan.cutover:
        lines.append(f"# {lead.kind}: {lead.path}{f', {lead.place}' if lead.place else ''}: {lead.runs}")
        if lead.command not in said:
            lines.append(lead.command)
        elif not lead.command:
            lines.append(f"#   {lead.hint or 'nothing to do'}")
        said.add(lead.command)
    return tuple(lines) if plan.cutover else (*lines, "# Nothing was found that does.")


def describe_cutover_undo(plan: Plan) -> tuple[str, ...]:
    """Return what takes back the cutover as far as it was made, services not counted; each command once."""
    leads = [lead for lead in plan.cutover if lead.kind not in SERVICES]
    by_hand = (f"# {lead.hint}" for lead in leads if lead.hint and not lead.needed)
    return (*dict.fromkeys(lead.back for lead in leads if lead.back), *dict.fromkeys(by_hand))


SERVICES = tuple(system.unit_kind for system in SYSTEMS)


def describe_rollback(plan: Plan) -> tuple[str, ...]:
    """Return how to go back to the single-user installation after a success, in lines that a shell can run."""
    return (
        "# The old installation is untouched: every file of it is what it was before.",
        "# What is written to the new system from now on is not in the old one.",
        "# 1. See what you would lose: rows, and files of the configuration and the snippets that somebody changed.",
        *_psql(plan, "--pset pager=off", since_script(plan)),
        _find_changed(plan),
        *_keep_dump(plan),
        *_stop_new(plan),
        "# 3. Remove what was published, and empty the database.",
        *describe_config_removal(plan),
        *describe_docs_removal(plan),
        *describe_emptying(plan),
        "# 4. Take back the cutover, as far as it was made.",
        *_undo_cutover(plan),
        *_start_old(plan),
    )


def _undo_cutover(plan: Plan) -> tuple[str, ...]:
    if not describe_cutover_undo(plan):
        return ("# Nothing was found that led there.",)
    return (f"{_sudo(plan)}sh {_word(cutover_undo_script(plan))}",)


def _start_old(plan: Plan) -> tuple[str, ...]:
    starts = [lead.back for lead in plan.cutover if lead.kind in SERVICES and lead.back]
    if starts:
        return "# 5. Start the old daemon again.", *starts
    return (
        "# 5. Start the old daemon again, by hand, for no unit or agent was found that does; such as:",
        f"# cd {printable(_word(plan.inventory.checkout))} && .venv/bin/python -m teleclaude.daemon",
    )


def _find_changed(plan: Plan) -> str:
    published = [plan.inventory.layout.system_config, plan.inventory.layout.secrets, plan.inventory.user_config]
    places = [*published, plan.inventory.layout.docs] if plan.inventory.docs else published
    return f"{_sudo(plan)}find {' '.join(map(_word, places))} -type f -newer {_word(plan.folder / 'report.json')}"


def _keep_dump(plan: Plan) -> tuple[str, ...]:
    if plan.url is None:
        return ()
    dump = printable(_word(plan.folder / "new-system.dump"))
    return (f"# To keep it all the same: {_sudo(plan)}pg_dump {_database(plan)} --format=custom --file {dump}",)


def _stop_new(plan: Plan) -> tuple[str, ...]:
    if plan.inventory.layout.root is not None:
        return ("# 2. Stop the new daemon, if it was started, by Ctrl-C in its terminal.",)
    names = names_of(plan.inventory.platform)
    stop = f"if {names.commands.know} >/dev/null 2>&1; then {names.commands.retire}; fi"
    return "# 2. Stop the new daemon, if it was started.", names.our(stop)
