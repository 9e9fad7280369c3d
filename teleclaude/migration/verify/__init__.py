"""Rows read back from PostgreSQL and compared with the source, by code that shares nothing with the load."""
