"""What a run holds from its first step to its last: the source, the target, and a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import hold_database, hold_existing
from teleclaude.migration.deputy import deputy_for
from teleclaude.migration.plan import Plan
from teleclaude.migration.reading import open_source


@asynccontextmanager
async def holding(plan: Plan) -> AsyncIterator[None]:
    """Keep every daemon and every other migration away from the source and the target.

    Raises LockHeldError, SourceError or TargetError.
    """
    with hold_existing(plan.checkout / "teleclaude.pid", opener=partial(open_source, deputy_for(plan.account))):
        if plan.url is None:
            yield
        else:
            with explained(plan.url):
                async with disposing(make_engine(plan.url)) as engine, hold_database(engine):
                    yield


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only we can read, and remove it at the end with everything in it."""
    folder = Path(tempfile.mkdtemp(prefix="teleclaude-migration-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
