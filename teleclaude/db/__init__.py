"""The database: one engine factory, the models, the schema and its revisions, the queries, the lock."""
