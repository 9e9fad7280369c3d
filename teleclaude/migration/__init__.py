"""The move from a single-user installation to the system-wide one on PostgreSQL; `pipeline` tells the story."""
