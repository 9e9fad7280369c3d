"""What the daemon reads from the database and writes to it, the same on SQLite and PostgreSQL: one module a noun.

Every function works in the transaction of the `AsyncSession` or connection that it is given, and commits nothing.
"""
