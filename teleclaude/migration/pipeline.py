"""The migration from beginning to end."""

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
from teleclaude.migration.run import Observer, Run, Step, hold_and, new_run, run_step, run_steps
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import closing_privseps
from teleclaude.migration.state.workspace import private_folder
from teleclaude.migration.steps.finish import finish
from teleclaude.migration.steps.preflight import preflight
from teleclaude.migration.steps.probe import probe
from teleclaude.migration.steps.publish_config import publish_config, undo_publish_config
from teleclaude.migration.steps.publish_docs import publish_docs, undo_publish_docs
from teleclaude.migration.steps.transfer import transfer, undo_transfer

_REFUSED = Problem("refused; nothing was written", "fix what is listed")
_NOT_AGREED = Problem("nobody agreed; nothing was written", "answer y, or use --yes")

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
    """Migrate, and return what happened. Whatever goes wrong is in the report, after it has been taken back.

    A run that was cut off comes first: it is finished or taken back, and nothing else is done.
    """
    with private_folder() as private, closing_privseps():
        observer.step("detect")
        inventory = await look(options, private, environ)
        interrupted = find_interrupted(inventory)
        if interrupted is not None:
            decided = replace(options, recovery=options.recovery or observer.decides(interrupted))
            plan, obstacle = await plan_recovery(interrupted, decided, inventory, environ)
            run = Run(plan, observer)
            await recover(run, interrupted, obstacle, steps)
        else:
            run = await begin(options, inventory, observer, steps)
        return run.to_report()


async def look(options: Options, private: Path, environ: Mapping[str, str]) -> Inventory:
    """Return what detection sees; raises SourceError where it cannot look."""
    try:
        return await discover(options, new_run(), private, environ)
    except OSError as error:
        raise SourceError(
            f"{error.filename} cannot be looked at: {error.strerror}", "see to its permissions"
        ) from error


async def begin(options: Options, inventory: Inventory, observer: Observer, steps: tuple[Step, ...]) -> Run:
    """Migrate, if nothing stands in the way and the operator agrees."""
    run = Run(make_plan(options, inventory), observer)
    if options.recovery is not None:
        hint = "leave the flag out, or name that run's --target and --root; for a complete one follow its rollback.txt"
        run.refuse(Problem("no migration was cut off here", hint))
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
