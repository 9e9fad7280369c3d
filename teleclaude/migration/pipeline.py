"""The migration from beginning to end. Read this first.

    discover      look at the old installation and the target, and copy the old database to a private folder
    plan          decide everything, before anything is written
    preflight     refuse, and say everything that is wrong at once
    (the question)
    transfer      move the database in one transaction, verify it, commit
    publish       write the configuration files and the shared snippets
    probe         boot the real daemon on what was moved
    finish        check that the old installation is as it was, and let the daemon serve

From `transfer` on, the undo of each step is on disk before the step begins. Where one fails, the steps are undone, last
first. A run that was cut off (kill -9, loss of power) is found by its journal or its row on the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from teleclaude.errors import Problem, SourceError
from teleclaude.migration.discover import discover
from teleclaude.migration.plan import rollback
from teleclaude.migration.plan.plan import make_plan
from teleclaude.migration.recovery.interrupted import find_interrupted, settle
from teleclaude.migration.recovery.recover import plan_recovery, recover
from teleclaude.migration.report.report import Report
from teleclaude.migration.run import Step, hold_and, run_step, run_steps
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import closing_privseps
from teleclaude.migration.state.run_state import Observer, Run, new_run
from teleclaude.migration.state.workspace import private_folder
from teleclaude.migration.steps.finish import finish
from teleclaude.migration.steps.preflight import preflight
from teleclaude.migration.steps.probe import probe
from teleclaude.migration.steps.publish_config import publish_config, undo_publish_config
from teleclaude.migration.steps.publish_docs import publish_docs, undo_publish_docs
from teleclaude.migration.steps.transfer import transfer, undo_transfer

_CANNOT_LOOK = Problem("{path} cannot be read: {reason}", "run it with sudo")
_NOTHING_CUT_OFF = Problem(
    "no migration was cut off here",
    "run it without --resume and --undo, or with the --target and --root of that run; "
    "to undo a complete run, follow its rollback.txt",
)
_REFUSED = Problem("refused", "fix what is listed")
_NOT_AGREED = Problem("the migration was not confirmed", "answer y, or use --yes")

PREFLIGHT = Step("preflight", preflight)
STEPS = (
    Step("transfer", transfer, undo_transfer, rollback.describe_emptying, commits=True),
    Step("publish_config", publish_config, undo_publish_config, rollback.describe_config_removal),
    Step("publish_docs", publish_docs, undo_publish_docs, rollback.describe_docs_removal),
    Step("probe", probe),
    Step("finish", finish),
)


async def migrate(
    options: Options, environ: Mapping[str, str], observer: Observer, steps: tuple[Step, ...] = STEPS
) -> Report:
    """Migrate, and return what happened. Whatever goes wrong is in the report, after it was undone.

    A run that was cut off comes first: it is finished or undone, and nothing else is done. Raises SourceError where
    discovery cannot read a path.
    """
    with private_folder() as private, closing_privseps():
        observer.step("discover")
        inventory = await _discover(options, private, environ)
        interrupted = find_interrupted(inventory)
        if interrupted is None:
            run = await _begin(options, inventory, observer, steps)
        else:
            decided = replace(options, recovery=options.recovery or observer.decides(interrupted))
            plan, refusal = await plan_recovery(interrupted, decided, inventory, environ)
            run = Run(plan, observer)
            await recover(run, interrupted, refusal, steps)
        return run.to_report()


async def _discover(options: Options, private: Path, environ: Mapping[str, str]) -> Inventory:
    try:
        return await discover(options, new_run(), private, environ)
    except OSError as error:
        if error.filename is None:
            raise
        raise SourceError(_CANNOT_LOOK.fill(path=error.filename, reason=error.strerror)) from error


async def _begin(options: Options, inventory: Inventory, observer: Observer, steps: tuple[Step, ...]) -> Run:
    """Plan a run, and run it if preflight finds no error and the operator agrees."""
    run = Run(make_plan(options, inventory), observer)
    if options.recovery is not None:
        run.refuse(_NOTHING_CUT_OFF)
        return run
    for journal in inventory.journals:
        settle(journal, inventory)
    await run_step(run, PREFLIGHT)
    if run.refused:
        run.refuse(_REFUSED)
    elif not options.dry_run and not observer.consents(run.plan):
        run.refuse(_NOT_AGREED)
    else:
        await hold_and(run, lambda check: run_steps(run, steps, check))
    return run
