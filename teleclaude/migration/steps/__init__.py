"""The six steps of a migration, each an asynchronous stream of events with its undo beside it."""
