"""Search in memory and mirrors: what SQLite's full-text index finds, on both databases."""
