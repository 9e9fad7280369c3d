"""A transfer of the sample, which the tests change before they verify it."""

from pathlib import Path

import pytest

from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.source.options import Options
from tests.support.verified import transferred


@pytest.fixture
async def plan(options: Options, tmp_path: Path) -> Plan:
    """Plan the migration of the sample, and let the transfer run alone."""
    return await transferred(options, tmp_path)
