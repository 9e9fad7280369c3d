"""`python -m teleclaude` is the same command as `teleclaude`."""

from teleclaude.cli import main

main()
