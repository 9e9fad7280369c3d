"""Configuration and snippets as they will be written, and what has the mark of a run."""
