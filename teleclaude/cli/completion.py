"""`teleclaude completion`: what a shell has to know to complete the commands and their flags."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_EXAMPLES = """\b
Examples:
  eval "$(teleclaude completion bash)"
  eval "$(teleclaude completion zsh)"
  teleclaude completion fish > ~/.config/fish/completions/teleclaude.fish
"""


@click.command(epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion of a shell, for its start file.

    The shell then asks this program what may come next, so the completion is always that of the program.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(context.find_root().command, {}, "teleclaude", "_TELECLAUDE_COMPLETE")
    # By hand and not by `source()`, which would run the bash that it is for to see how old it is.
    click.echo(made.source_template % made.source_vars())
