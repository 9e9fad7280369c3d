"""Configuration and snippets as they will be written, and what carries the mark of a run."""
