"""The first schema: the tables of the newest single-user release and what a system-wide service needs.

It is built in two steps, so that a migration can load between them: bare tables, then primary keys, constraints,
indexes and search. SQLite cannot add a constraint to a table that stands, so there the first step includes them.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.schema import CreateIndex, CreateTable, DropConstraint, DropIndex, DropTable

from teleclaude.db.schema import audit_0001 as audit
from teleclaude.db.schema import search_0001 as search
from teleclaude.db.schema.ddl import add_constraint
from teleclaude.db.schema.tables_0001 import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INLINE = [
    constraint.ddl_if(dialect="sqlite") for table in metadata.tables.values() for constraint in table.constraints
]
"""Every constraint; only SQLite writes it into CREATE TABLE."""


def create_pre_data() -> None:
    """Create the tables, bare on PostgreSQL."""
    for table in metadata.sorted_tables:
        op.execute(CreateTable(table))
    search.create_functions()
    audit.create_guard()


def create_post_data(not_valid: frozenset[str] = frozenset(), left_out: frozenset[str] = frozenset()) -> None:
    """Add keys, constraints and indexes; those named are added NOT VALID, or left out.

    Primary and unique keys come first, because foreign keys need them.
    """
    if op.get_context().dialect.name == "postgresql":
        for constraint in sorted(_INLINE, key=lambda c: isinstance(c, ForeignKeyConstraint)):
            if constraint.name not in left_out:
                op.execute(add_constraint(constraint, not_valid=constraint.name in not_valid))
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if index.name not in left_out:
                op.execute(CreateIndex(index))
    search.create_indexes()


def drop_post_data() -> None:
    """Take away what `create_post_data` added, foreign keys first."""
    search.drop_indexes()
    for table in metadata.sorted_tables:
        for index in table.indexes:
            op.execute(DropIndex(index, if_exists=True))
    if op.get_context().dialect.name == "postgresql":
        for constraint in sorted(_INLINE, key=lambda c: not isinstance(c, ForeignKeyConstraint)):
            op.execute(DropConstraint(constraint, if_exists=True))


def _drop_pre_data() -> None:
    """Drop the tables, children before parents."""
    for table in reversed(metadata.sorted_tables):
        op.execute(DropTable(table))
    search.drop_functions()
    audit.drop_functions()


def upgrade() -> None:
    """Build the schema."""
    create_pre_data()
    create_post_data()


def downgrade() -> None:
    """Remove the schema and everything in it."""
    drop_post_data()
    _drop_pre_data()
