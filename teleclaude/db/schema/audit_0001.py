"""The guard of the first revision's audit log, frozen: rows are added and nothing else.

It stops every statement of the daemon's role; whoever owns the table can still take the guard itself away.
"""

from __future__ import annotations

from alembic import op

FUNCTIONS = ("refuse_change()",)

CREATE_FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$
"""
CREATE_TRIGGER = """
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""


def create_guard() -> None:
    """Guard the audit log, which stands."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(CREATE_FUNCTION)
        op.execute(CREATE_TRIGGER)
        return
    for event in ("update", "delete"):
        refuse = "BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END"
        op.execute(f"CREATE TRIGGER audit_log_no_{event} BEFORE {event.upper()} ON audit_log {refuse}")


def drop_functions() -> None:
    """Take away what is left of the guard once the table is gone."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {', '.join(FUNCTIONS)}")
