"""The pages of the project, and the commands that they tell of."""

import re
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "docs/migration.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()


def rows(page: str, heading: str) -> dict[str, str]:
    """Return the rows of the table below a heading, by what stands in their first cell."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0].strip("`"): row[1] for row in cells[2:]}


def headings(page: str) -> list[str]:
    """Return what leads to the headings of a page, as GitHub makes it."""
    found = re.findall(r"^#+ (.*)$", page, re.M)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found]


def commands(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    """Return every command that does something by its name, in the order of these."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None
        found |= commands(command, f"{prefix}{name} ") if isinstance(command, click.Group) else {prefix + name: command}
    return found


def flags(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
