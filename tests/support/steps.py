"""Steps that go wrong, among those of the migration."""

from collections.abc import AsyncGenerator

from teleclaude.errors import Problem, TargetError
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, note
from teleclaude.migration.run import Step


async def fail(_plan: Plan) -> AsyncGenerator[Event, None]:
    yield note("test", Problem("about to fail"))
    raise TargetError(Problem("planted", "nothing to do"))


def planted(step: Step, place: int) -> tuple[Step, ...]:
    return (*STEPS[:place], step, *STEPS[place:])
