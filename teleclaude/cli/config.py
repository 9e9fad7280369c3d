"""`teleclaude config`: work on configuration files."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from teleclaude import interrupt
from teleclaude.cli import problems, settled
from teleclaude.config.comments import quote_comments
from teleclaude.config.edit import Written, rewrite, to_yaml
from teleclaude.config.files import find_unread, quote_env, read_env, read_text, read_yaml, write_new
from teleclaude.config.split import OldConfiguration, mask, split
from teleclaude.errors import Exit, PublishError
from teleclaude.printable import printable

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)

_FILES = (
    ("config.yml", "system", 0o644, "The configuration of this computer."),
    ("secrets.yml", "secrets", 0o600, "Secrets; never readable by everyone."),
    ("user.yml", "user", 0o600, "One person's own settings."),
)


@click.group()
def config() -> None:
    """Work on configuration files."""


@config.command("split", epilog="Example: teleclaude config split --config config.yml --env .env --output-dir new")
@click.option("--config", "config_file", required=True, type=_FILE, help="The old config.yml.")
@click.option("--env", "env_file", required=True, type=_FILE, help="The old .env.")
@click.option("--output-dir", required=True, type=_FOLDER, help="The folder of the new files.")
@click.option("--dry-run", is_flag=True, help="Print the files, with secrets masked, and write none.")
def split_command(config_file: Path, env_file: Path, output_dir: Path, dry_run: bool) -> None:
    """Split a single-user configuration into three files: system, secrets and user."""
    old = OldConfiguration(config=read_yaml(config_file), environment=read_env(env_file, {}))
    layers = split(old)
    left = [*layers.left, *((f".env: line {line}", "is not NAME=VALUE") for line in find_unread(env_file))]
    text = read_text(config_file)
    comments = quote_comments("config.yml", text) + quote_env(env_file)
    files = []
    for name, kind, mode, about in _FILES:
        values = mask(getattr(layers, kind)) if dry_run and kind != "system" else getattr(layers, kind)
        in_place = kind == "user" and not dry_run
        written = rewrite([text], values, about) if in_place else Written(to_yaml(values, about))
        content = written.text + (comments if kind == "secrets" and not dry_run else "")
        path = output_dir / name
        if dry_run:
            click.echo(f"--- {path} ({mode:04o})\n{content}")
        else:
            files.append((path, content.encode(), mode))
        if written.comments_left:
            left.append((f"{name}: comments", written.comments_left))
    if files:
        _make_folder(output_dir)
        _write_all(files)
    with settled(Exit.DONE) if files else nullcontext():
        for path, _, mode in files:
            click.echo(f"{path} ({mode:04o})")
        for subject, reason in left:
            click.echo(f"left out: {printable(f'{subject}: {reason}')}", err=True)


def _write_all(files: list[tuple[Path, bytes, int]]) -> None:
    """Write all files or none, and let no signal cut that off; raises PublishError."""
    interrupt.ignore()
    written: list[Path] = []
    try:
        for path, content, mode in files:
            write_new(path, content, mode)
            written.append(path)
    except PublishError:
        for path in written:
            path.unlink()
        raise


def _make_folder(path: Path) -> None:
    """Make a folder where there is none; raises PublishError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublishError(problems.CANNOT_MAKE_FOLDER.fill(path=path, reason=error.strerror)) from None
