"""The self-check looks at a migrated installation whose configuration shows its database, but for the password."""

import pytest

from tests.support.standing import Migrated


@pytest.fixture
def migrated(migrated: Migrated) -> Migrated:
    """Let the configuration name the database, and the secrets hold its password alone."""
    migrated.name_database(migrated.target.set(drivername="postgresql"))
    return migrated
