"""`teleclaude demo`."""

import click


@click.command()
def demo() -> None:
    """Show a migration."""
