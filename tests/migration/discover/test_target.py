"""The target is the one that was asked for, then that of the PG* variables, and always PostgreSQL."""

from pathlib import Path

import pytest

from teleclaude.errors import ConfigError
from teleclaude.migration.discover.target import choose_target
from teleclaude.migration.source.options import Options, Recovery


def test_without_a_target_there_is_none(tmp_path: Path) -> None:
    assert choose_target(Options(), {}) is None
    assert choose_target(Options(root=tmp_path, recovery=Recovery.UNDO), {}) is None


def test_the_target_of_the_command_line_counts_before_the_variables() -> None:
    url = choose_target(Options(target="postgresql://ada@one/t"), {"PGHOST": "two"})
    assert url is not None
    assert url.host == "one"
    url = choose_target(Options(), {"PGHOST": "two", "PGDATABASE": "t"})
    assert url is not None
    assert (url.host, url.database) == ("two", "t")


def test_another_database_system_is_refused() -> None:
    with pytest.raises(ConfigError, match="PostgreSQL"):
        choose_target(Options(target="mysql://ada@one/t"), {})
