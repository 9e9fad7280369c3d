"""`teleclaude completion`: the script with which a shell completes the commands and their flags."""

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
    """Print the completion script of a shell, for its start file.

    The script asks this program for the words, so it need not be printed again after an upgrade.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(context.find_root().command, {}, "teleclaude", "_TELECLAUDE_COMPLETE")
    # Not with `source()`, which runs bash to check its version.
    click.echo(made.source_template % made.source_vars())
