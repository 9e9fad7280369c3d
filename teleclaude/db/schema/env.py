"""Alembic's entry point: it runs revisions on the connection that it is handed."""

from alembic import context

from teleclaude.db.models import Model

context.configure(connection=context.config.attributes["connection"], target_metadata=Model.metadata)
with context.begin_transaction():
    context.run_migrations()
