"""The old installation as data and as files."""
