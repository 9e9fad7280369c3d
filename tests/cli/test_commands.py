import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from teleclaude.cli import cli

LISTED = """
import sys
from click.testing import CliRunner
from teleclaude.cli import cli
assert "migrate-to-system" in CliRunner().invoke(cli, []).output
print(*(name for name in ("asyncio", "rich", "sqlalchemy") if name in sys.modules))
"""

IMPORTED = """
import sys
import click
from teleclaude.cli import cli
for name in cli.list_commands(click.Context(cli)):
    assert cli.get_command(click.Context(cli), name)
print(*(name for name in ("alembic", "jinja2", "mako", "pygments") if name in sys.modules))
"""


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_the_list_of_commands_has_the_whole_first_sentence_of_each(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    shown = " ".join(CliRunner().invoke(cli, []).output.split())
    assert f"{name} {command.get_short_help_str(limit=1000)}" in shown


@pytest.mark.parametrize("program", [LISTED, IMPORTED], ids=["the list of commands", "a command"])
def test_what_is_imported_is_needed_by(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["migrate-to-sytem"], "migrate-to-system"),
        (["config", "splt"], "split"),
        (["migrate-to-system", "--tagret", "postgresql:///x"], "--target"),
        (["config", "split", "--confg", "x"], "--config"),
        (["completion", "bsh"], "bash"),
    ],
)
def test_an_unknown_word_is_exit_code_2_and_names_the_nearest(arguments: list[str], nearest: str) -> None:
    said = CliRunner().invoke(cli, arguments)
    assert said.exit_code == 2
    assert f"'{nearest}'" in said.output
