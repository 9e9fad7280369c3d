"""Decisions, pure: they are made before anything is written."""
