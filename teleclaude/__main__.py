"""The entry of the program, also as `python -m teleclaude`. It hears Ctrl-C before the long imports."""

import sys

from teleclaude import interrupt


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    interrupt.end_at_once()
    if sys.argv[1:2] == ["hook"] and not {"-h", "--help"}.intersection(sys.argv):
        # An agent waits for it at every tool call: without the long imports.
        from teleclaude.hook.command import main as hook  # noqa: PLC0415

        hook(sys.argv[2:])
    # The imports take most of the time of a short command.
    from teleclaude.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
