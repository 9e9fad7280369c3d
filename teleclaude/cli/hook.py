"""`teleclaude hook`, as help, completion and manual show it; `teleclaude.hook` does it, without click."""

from __future__ import annotations

import click

from teleclaude.cli import root_option

hook = click.Command(
    "hook",
    help="Hand an event of an AI agent to the daemon: the hooks of Claude Code, Gemini CLI and Codex CLI run it. "
    "The payload comes on stdin; Codex gives it as the EVENT. Without an answer in time the event is kept, and the "
    "next call sends it first. An event ends with 0, whatever happens, so that the agent goes on.",
    epilog="Example: teleclaude hook --flush",
    params=[
        click.Option(
            ["--agent"], type=click.Choice(["claude", "gemini", "codex"]), help="Which agent tells of an event."
        ),
        click.Option(["--cwd"], metavar="DIR", help="The directory in which the agent works, if not the current one."),
        click.Option(["--flush"], is_flag=True, help="Send what waits, and say what was lost."),
        click.Option(["--install"], is_flag=True, help="Let the agents run this command, instead of older ones."),
        click.Option(["--remove"], is_flag=True, help="Undo --install."),
        click.Option(["--home"], metavar="DIR", help="The home with the settings of the agents, if not yours."),
        click.Option(["--old"], metavar="DIR", multiple=True, help="Also take out what the agents run of this folder."),
        click.Argument(["event"], required=False),
    ],
)
root_option(hook)
