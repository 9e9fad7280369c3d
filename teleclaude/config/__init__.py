"""The configuration: its shape, its layers, its split into system, secrets and user, and its files."""
