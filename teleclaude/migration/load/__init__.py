"""Rows into PostgreSQL."""
