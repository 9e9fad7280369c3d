"""TeleClaude keeps a person's AI terminal sessions, memory and hooks."""

__version__ = "0.9.0"
