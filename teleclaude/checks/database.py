"""Judges the database: whether it answers, what it is, what the role may do, who could listen. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import DatabaseFacts, Facts, Unknown
from teleclaude.checks.result import Fault, Result, State, passed, whole

OLDEST, NEWEST = 15, 18
"""The versions of PostgreSQL that are tested (design: command line)."""

UNREACHABLE = Fault(
    State.FAILURE,
    "{message}",
    "{hint}; its address is database.url in {config}, its password in {secrets}",
)
UNKNOWN = Fault(State.SKIPPED, "the database was not asked: {message}", "{hint}")
TOO_OLD = Fault(
    State.FAILURE, "the server is PostgreSQL {version}, {oldest} or newer is needed", "upgrade it: pg_upgrade(1)"
)
TOO_NEW = Fault(
    State.WARNING,
    "the server is PostgreSQL {version}; up to {newest} was tried",
    "look for a newer release of teleclaude",
)
STANDBY = Fault(State.FAILURE, "the server is a standby, which takes no writes", "name the primary in {config}")
ENCODING = Fault(
    State.FAILURE,
    "the database has the encoding {encoding}, and not UTF8",
    "createdb --encoding UTF8 --template template0 --owner {role} NAME",
)
MAY_NOT_CREATE = Fault(
    State.FAILURE,
    "the role {role} may not create tables in the database",
    "as its owner, or a superuser of the server: psql -d {name} -c "
    '\'GRANT CREATE ON DATABASE "{name}" TO "{role}"; GRANT CREATE ON SCHEMA public TO "{role}"\'',
)
FORBIDDEN = Fault(
    State.FAILURE,
    "the role {role} may not read and write {tables}",
    "as its owner, or a superuser of the server: psql -d {name} -c 'ALTER TABLE {first} OWNER TO \"{role}\"', "
    "and so for the others",
)
NO_TLS = Fault(
    State.WARNING,
    "the way to {address} is not encrypted, and leaves this computer",
    "add ?sslmode=verify-full to database.url in {config}, then: {restart}",
)

FAULTS = (
    UNREACHABLE,
    UNKNOWN,
    TOO_OLD,
    TOO_NEW,
    STANDBY,
    ENCODING,
    MAY_NOT_CREATE,
    FORBIDDEN,
    NO_TLS,
)


NOT_ASKED = Fault(State.SKIPPED, "the database was not asked", "see to the database first")
"""What other checks say where the database says nothing."""


def judge(facts: Facts) -> Result:
    """The database answers, has a version that is known, lets the role work, and nobody listens on the way there."""
    database = facts.database
    if isinstance(database, Unknown):
        # Where the configuration cannot be used, the layers say so.
        fault = UNKNOWN if facts.together is not None else UNREACHABLE
        return whole("database", [fault.found("reachable", words(facts), **vars(database))])
    parts = (
        passed("reachable", f"{database.address} answers"),
        _judge_version(facts, database),
        _judge_role(facts, database),
        _judge_tls(facts, database),
    )
    return whole("database", parts)


def words(facts: Facts) -> dict[str, object]:
    layout = facts.setting.layout
    return {**facts.setting.words, "config": layout.system_config, "secrets": layout.secrets}


def _judge_version(facts: Facts, database: DatabaseFacts) -> Result:
    version = database.version // 10000
    wrong = {TOO_OLD: version < OLDEST, TOO_NEW: version > NEWEST, STANDBY: database.standby}
    wrong |= {ENCODING: database.encoding != "UTF8"}
    fault = next((fault for fault, applies in wrong.items() if applies), None)
    if fault is None:
        return passed("version", f"PostgreSQL {version}, {database.encoding}")
    numbers = {"version": version, "oldest": OLDEST, "newest": NEWEST}
    return fault.found("version", words(facts), **numbers, encoding=database.encoding, role=database.role)


def _judge_role(facts: Facts, database: DatabaseFacts) -> Result:
    said = {**words(facts), "role": database.role, "name": database.name}
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
    return NO_TLS.found("encryption", words(facts), address=database.address)
