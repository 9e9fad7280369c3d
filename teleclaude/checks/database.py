"""Judges the database: whether it answers, its version, the rights of the role, encryption. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import DatabaseFacts, Facts
from teleclaude.checks.result import Result, failure, passed, skipped, warning, whole
from teleclaude.errors import Problem

_OLDEST, _NEWEST = 15, 18
"""The versions of PostgreSQL that are tested (design: command line)."""

UNREACHABLE = failure("{message}", "{hint}; the address is database.url in {config}, the password is in {secrets}")
UNKNOWN = skipped("the database was not asked: {message}", "{hint}")
TOO_OLD = failure(
    "the server is PostgreSQL {version}; PostgreSQL {oldest} or newer is needed", "upgrade it: pg_upgrade(1)"
)
TOO_NEW = warning(
    "the server is PostgreSQL {version}; up to PostgreSQL {newest} is tested",
    "install a newer release of teleclaude, if there is one",
)
STANDBY = failure("the server is a standby, which takes no writes", "set the primary server in {config}")
ENCODING = failure(
    "the database has the encoding {encoding} and not UTF8",
    "createdb --encoding UTF8 --template template0 --owner {role} NAME",
)
MAY_NOT_CREATE = failure(
    "the role {role} may not create tables in the database",
    'as its owner, or a superuser of the server: psql -d {name} -c \'GRANT CREATE ON DATABASE "{name}" TO '
    '"{role}"; GRANT CREATE ON SCHEMA public TO "{role}"\'',
)
FORBIDDEN = failure(
    "the role {role} may not read and write {tables}",
    "as its owner, or a superuser of the server: psql -d {name} -c 'ALTER TABLE {first} OWNER TO \"{role}\"', "
    "and the same for the others",
)
NO_TLS = warning(
    "the connection to {address} leaves this computer unencrypted",
    "add ?sslmode=verify-full to database.url in {config}, then: {restart}",
)


def judge(facts: Facts) -> Result:
    """The database answers, has a known version, lets the role work, and the connection is encrypted or local."""
    database = facts.database
    if isinstance(database, Problem):
        # Where the configuration cannot be used, the check of the layers says so.
        fault = UNKNOWN if facts.together is not None else UNREACHABLE
        return whole("database", [fault.found("reachable", facts.setting.words, **vars(database))])
    parts = (
        passed("reachable", f"{database.address} answers"),
        _judge_version(facts, database),
        _judge_role(facts, database),
        _judge_tls(facts, database),
    )
    return whole("database", parts)


def _judge_version(facts: Facts, database: DatabaseFacts) -> Result:
    version = database.version // 10000
    wrong = {TOO_OLD: version < _OLDEST, TOO_NEW: version > _NEWEST, STANDBY: database.standby}
    wrong |= {ENCODING: database.encoding != "UTF8"}
    fault = next((fault for fault, applies in wrong.items() if applies), None)
    if fault is None:
        return passed("version", f"PostgreSQL {version}, {database.encoding}")
    numbers = {"version": version, "oldest": _OLDEST, "newest": _NEWEST}
    return fault.found("version", facts.setting.words, **numbers, encoding=database.encoding, role=database.role)


def _judge_role(facts: Facts, database: DatabaseFacts) -> Result:
    said = {**facts.setting.words, "role": database.role, "name": database.name}
    if database.forbidden:
        shown = ", ".join(database.forbidden[:5])
        return FORBIDDEN.found("role", said, tables=shown, first=database.forbidden[0])
    if not database.may_create:
        return MAY_NOT_CREATE.found("role", said)
    return passed("role", f"{database.role} may create, read and write")


def _judge_tls(facts: Facts, database: DatabaseFacts) -> Result:
    if database.tls:
        return passed("encryption", f"{database.tls}, as sslmode {database.sslmode} asks")
    if database.on_this_computer:
        return passed("encryption", "none is needed: the connection does not leave this computer")
    return NO_TLS.found("encryption", facts.setting.words, address=database.address)
