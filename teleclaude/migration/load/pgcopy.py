"""What COPY takes in binary: one small encoder a type, one table, and the loop that makes rows of columns. Pure.

The format is PostgreSQL's own (manual, COPY, "Binary Format"): a header, then each row as the number of its fields and
the fields, each as its length and its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

from teleclaude.migration.values.column_types import ColumnType, over_nulls

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"

NULL = b"\xff\xff\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which PostgreSQL counts microseconds."""
MICROSECOND = timedelta(microseconds=1)

JSONB_VERSION = b"\x01"
BOOLEANS = (b"\x00\x00\x00\x01\x00", b"\x00\x00\x00\x01\x01")

_length = struct.Struct("!i")
_integer = struct.Struct("!iq")
_real = struct.Struct("!id")
_row = struct.Struct("!h")

Fields = list[bytes]


def encode_bytes(values: Sequence[bytes]) -> Fields:
    """Encode bytea."""
    length = _length.pack
    return [length(len(value)) + value for value in values]


def encode_texts(values: Sequence[str]) -> Fields:
    """Encode text; raises UnicodeEncodeError for a lone surrogate."""
    return encode_bytes([value.encode() for value in values])


def encode_documents(values: Sequence[str]) -> Fields:
    """Encode jsonb, which is its text after the number of the format."""
    return encode_bytes([JSONB_VERSION + value.encode() for value in values])


def encode_integers(values: Sequence[int]) -> Fields:
    """Encode bigint."""
    pack = _integer.pack
    return [pack(8, value) for value in values]


def encode_booleans(values: Sequence[bool]) -> Fields:
    """Encode boolean."""
    return [BOOLEANS[value] for value in values]


def encode_instants(values: Sequence[datetime]) -> Fields:
    """Encode timestamptz: microseconds since 2000, so that no moment becomes one of its infinities."""
    return encode_integers([(value - EPOCH) // MICROSECOND for value in values])


def encode_reals(values: Sequence[float]) -> Fields:
    """Encode double precision."""
    pack = _real.pack
    return [pack(8, value) for value in values]


ENCODERS: Mapping[ColumnType, Callable[[Sequence[Any]], Fields]] = {
    ColumnType.TEXT: encode_texts,
    ColumnType.INTEGER: encode_integers,
    ColumnType.BOOLEAN: encode_booleans,
    ColumnType.INSTANT: encode_instants,
    ColumnType.DOCUMENT: encode_documents,
    ColumnType.REAL: encode_reals,
    ColumnType.BYTES: encode_bytes,
}


def encode_column(values: Sequence[Any], kind: ColumnType) -> Fields:
    """Return a column of a batch as fields."""
    return over_nulls(ENCODERS[kind], values, NULL)


def encode_constant(value: str | int) -> bytes:
    """Return a value that is the same in every row as its field."""
    (field,) = encode_texts([value]) if isinstance(value, str) else encode_integers([value])
    return field


def join_rows(columns: Sequence[Fields], constants: Iterable[bytes]) -> list[bytes]:
    """Return the rows whose fields are in `columns` and, in every row alike, `constants`; there is a column."""
    alike = [repeat(field) for field in constants]
    number = _row.pack(len(columns) + len(alike))
    return [b"".join(fields) for fields in zip(repeat(number), *columns, *alike, strict=False)]


def join_row(fields: Fields) -> bytes:
    """Return the row of these fields."""
    return b"".join((_row.pack(len(fields)), *fields))


def split_row(row: bytes) -> Fields:
    """Return the fields of a row."""
    fields, place = [], _row.size
    while place < len(row):
        (length,) = _length.unpack_from(row, place)
        end = place + _length.size + max(length, 0)
        fields.append(row[place:end])
        place = end
    return fields


def read_document(field: bytes) -> str:
    """Return the text of an encoded JSON document that is not NULL."""
    return field[_length.size + len(JSONB_VERSION) :].decode()
