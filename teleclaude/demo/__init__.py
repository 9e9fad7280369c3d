"""A real sample installation and a real PostgreSQL, for the demonstration and the tests."""
