"""What the daemon reads from the database and writes to it, the same on SQLite and PostgreSQL: one module a noun.

Every function works in the transaction of the `AsyncSession` or connection that it is given, and commits nothing.
"""

from teleclaude.db.store.runs import count_rows, pending_runs
from teleclaude.db.store.sessions import LISTED_STATUSES

__all__ = ["LISTED_STATUSES", "count_rows", "pending_runs"]
