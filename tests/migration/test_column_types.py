"""Every column type has a line in the table of each module that handles values."""

from collections.abc import Mapping
from typing import Any

import pytest

from teleclaude.migration.load import convert, fast_path, pgcopy
from teleclaude.migration.values.column_types import STAND_INS, ColumnType
from teleclaude.migration.verify import decode
from teleclaude.migration.verify import fast_path as verified_fast_path


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(STAND_INS, id="stand-ins"),
        pytest.param(fast_path._CHECKS, id="load, fast path"),
        pytest.param(convert._CONVERTERS, id="load, convert"),
        pytest.param(pgcopy._ENCODERS, id="load, encode"),
        pytest.param(verified_fast_path._FORMS, id="verify, fast path"),
        pytest.param(decode._DECODERS, id="verify, decode"),
    ],
)
def test_no_table_lacks_a_column_type(table: Mapping[ColumnType, Any]) -> None:
    assert set(table) == set(ColumnType)
