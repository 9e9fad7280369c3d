"""`teleclaude upgrade`: bring the database of the system-wide installation to this program's schema."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from teleclaude.cli import root_option, settled, show_problem
from teleclaude.cli.interruptible import run_interruptible
from teleclaude.daemon.boot import find_installation
from teleclaude.daemon.service_user import find_identity_to_take, run_instead
from teleclaude.daemon.upgrade import Upgrade, explain_holder
from teleclaude.daemon.upgrade import upgrade as upgrade_database
from teleclaude.errors import Exit, LockHeldError, UpgradeError
from teleclaude.interrupt import Interrupted
from teleclaude.layout import make_layout
from teleclaude.platform.names import HERE


@click.command(epilog="Example: sudo systemctl stop teleclaude-system && sudo teleclaude upgrade")
@click.option("--dry-run", is_flag=True, help="Do everything in a transaction that is rolled back.")
@root_option
def upgrade(dry_run: bool, root: Path | None) -> None:
    """Bring the database and all its rows to the schema that this program needs.

    Stop the daemon first. Everything happens in one transaction. Run by root, it works as the service user. Running it
    again does no harm.
    """
    identity = find_identity_to_take(make_layout(HERE, root, os.environ))
    if identity is not None:
        run_instead(identity, ["upgrade", *(["--dry-run"] if dry_run else [])], os.environ)
    installation = find_installation(root, os.environ, Path.cwd())
    try:
        done = run_interruptible(upgrade_database(installation, dry_run=dry_run), undoes_itself=True)
    except LockHeldError as error:
        raise explain_holder(error, root) from error
    except UpgradeError as error:
        show_problem(error.problem)
        sys.exit(Exit.UNDONE if error.undone else Exit.NOT_UNDONE)
    except Interrupted:
        raise Interrupted("the database is as it was") from None
    with settled(Exit.DONE):
        click.echo(_describe(done, dry_run=dry_run))


def _describe(done: Upgrade, *, dry_run: bool) -> str:
    if not done.revisions:
        return f"{done.database} is at schema revision {done.before}; there is nothing to do"
    through = f" (through {', '.join(done.revisions)})" if len(done.revisions) > 1 else ""
    return f"{done.sentence}{through}: {'this would work; nothing was changed' if dry_run else 'done'}"
