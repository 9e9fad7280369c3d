"""Rows for COPY are bytes as PostgreSQL's manual says (COPY, "Binary Format")."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.load.pgcopy import (
    encode_column,
    encode_texts,
    encode_value,
    join_row,
    join_rows,
    read_document,
    split_row,
)
from teleclaude.migration.values.column_types import ColumnType

NULL = b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        (ColumnType.TEXT, "ü", b"\x00\x00\x00\x02\xc3\xbc"),
        (ColumnType.TEXT, "", b"\x00\x00\x00\x00"),
        (ColumnType.BYTES, b"\x00", b"\x00\x00\x00\x01\x00"),
        (ColumnType.INTEGER, -1, b"\x00\x00\x00\x08" + b"\xff" * 8),
        (ColumnType.BOOLEAN, True, b"\x00\x00\x00\x01\x01"),
        (ColumnType.BOOLEAN, False, b"\x00\x00\x00\x01\x00"),
        (ColumnType.REAL, 1.5, b"\x00\x00\x00\x08" + struct.pack("!d", 1.5)),
        (ColumnType.DOCUMENT, "{}", b"\x00\x00\x00\x03\x01{}"),
        (ColumnType.INSTANT, datetime(2000, 1, 1, tzinfo=UTC), b"\x00\x00\x00\x08" + bytes(8)),
        (
            ColumnType.INSTANT,
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            b"\x00\x00\x00\x08" + b"\xff" * 8,
        ),
    ],
)
def test_a_value_of_each_type_is_its_length_and_its_bytes(kind: ColumnType, value: Any, field: bytes) -> None:
    assert encode_column([value, None], kind) == [field, NULL]


def test_every_type_of_a_column_has_an_encoder() -> None:
    assert [encode_column([], kind) for kind in ColumnType] == [[] for _ in ColumnType]


@given(st.datetimes(timezones=st.just(UTC)))
def test_no_moment_becomes_an_infinity_or_loses_a_microsecond(moment: datetime) -> None:
    [field] = encode_column([moment], ColumnType.INSTANT)
    (counted,) = struct.unpack("!q", field[4:])
    assert datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=counted) == moment
    assert abs(counted) < 2**63 - 1


def test_half_a_surrogate_pair_is_an_error_and_no_wrong_byte() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_texts(["\ud800"])


@given(st.lists(st.lists(st.none() | st.binary(max_size=9), min_size=2, max_size=2)))
def test_a_row_comes_apart_into_the_fields_that_it_was_made_of(rows: list[list[bytes | None]]) -> None:
    columns = [encode_column(list(column), ColumnType.BYTES) for column in zip(*rows, strict=True)]
    constant = encode_value("same")
    made = join_rows(columns, [constant]) if columns else []
    assert [split_row(row) for row in made] == [[*fields, constant] for fields in zip(*columns, strict=True)]
    assert [join_row(split_row(row)) for row in made] == made


def test_a_constant_is_encoded_by_its_type() -> None:
    assert encode_value("1") != encode_value(1) == encode_column([1], ColumnType.INTEGER)[0]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_text_of_a_document_can_be_read_back(text: str) -> None:
    [field] = encode_column([text], ColumnType.DOCUMENT)
    assert read_document(field) == text
