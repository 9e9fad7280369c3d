"""Column types and identifiers, used by every room."""
