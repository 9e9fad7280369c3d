"""The entry of the program, also as `python -m teleclaude`. It hears Ctrl-C before the long imports."""

from teleclaude import interrupt


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    interrupt.end_at_once()
    # The imports take most of the time of a short command.
    from teleclaude.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
