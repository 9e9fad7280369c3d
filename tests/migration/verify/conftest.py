"""A transfer of the sample, which the tests change before they verify it."""

from collections.abc import Iterator

import pytest

from teleclaude.demo.postgres import Server
from teleclaude.migration.plan.plan import Plan
from tests.support.verified import Transferred, transferred_once


@pytest.fixture(scope="session")
def of_the_sample(server: Server) -> Iterator[Transferred]:
    """Transfer the sample once."""
    with transferred_once(server, lambda _sample: None) as made:
        yield made


@pytest.fixture
async def plan(of_the_sample: Transferred) -> Plan:
    """Plan the migration of the sample, and let the transfer run alone."""
    return await of_the_sample.again()
