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

_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts microseconds from here."""
_MICROSECOND = timedelta(microseconds=1)

_JSONB_VERSION = b"\x01"
_BOOLEANS = (b"\x00\x00\x00\x01\x00", b"\x00\x00\x00\x01\x01")

_length = struct.Struct("!i")
_integer = struct.Struct("!iq")
_real = struct.Struct("!id")
_row = struct.Struct("!h")

_Fields = list[bytes]


def _encode_bytes(values: Sequence[bytes]) -> _Fields:
    """Encode bytea."""
    length = _length.pack
    return [length(len(value)) + value for value in values]


def encode_texts(values: Sequence[str]) -> _Fields:
    """Encode text; raises UnicodeEncodeError for a lone surrogate."""
    return _encode_bytes([value.encode() for value in values])


def encode_documents(values: Sequence[str]) -> _Fields:
    """Encode jsonb, which is its text after the number of the format."""
    return _encode_bytes([_JSONB_VERSION + value.encode() for value in values])


def encode_integers(values: Sequence[int]) -> _Fields:
    """Encode bigint."""
    pack = _integer.pack
    return [pack(8, value) for value in values]


def _encode_booleans(values: Sequence[bool]) -> _Fields:
    """Encode boolean."""
    return [_BOOLEANS[value] for value in values]


def _encode_instants(values: Sequence[datetime]) -> _Fields:
    """Encode timestamptz: microseconds since 2000. No moment of Python becomes one of its infinities."""
    return encode_integers([(value - _EPOCH) // _MICROSECOND for value in values])


def _encode_reals(values: Sequence[float]) -> _Fields:
    """Encode double precision."""
    pack = _real.pack
    return [pack(8, value) for value in values]


_ENCODERS: Mapping[ColumnType, Callable[[Sequence[Any]], _Fields]] = {
    ColumnType.TEXT: encode_texts,
    ColumnType.INTEGER: encode_integers,
    ColumnType.BOOLEAN: _encode_booleans,
    ColumnType.INSTANT: _encode_instants,
    ColumnType.DOCUMENT: encode_documents,
    ColumnType.REAL: _encode_reals,
    ColumnType.BYTES: _encode_bytes,
}


def encode_column(values: Sequence[Any], kind: ColumnType) -> _Fields:
    """Return a column of a batch as fields."""
    return over_nulls(_ENCODERS[kind], values, _NULL)


def encode_value(value: str | int) -> bytes:
    """Return a text or an integer as its field."""
    (field,) = encode_texts([value]) if isinstance(value, str) else encode_integers([value])
    return field


def join_rows(columns: Sequence[_Fields], constants: Iterable[bytes]) -> list[bytes]:
    """Return the rows whose fields are in `columns`, followed in each by `constants`; there is at least one column."""
    alike = [repeat(field) for field in constants]
    number = _row.pack(len(columns) + len(alike))
    return [b"".join(fields) for fields in zip(repeat(number), *columns, *alike, strict=False)]


def join_row(fields: _Fields) -> bytes:
    """Return the row of these fields."""
    return b"".join((_row.pack(len(fields)), *fields))


def split_row(row: bytes) -> _Fields:
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
    return field[_length.size + len(_JSONB_VERSION) :].decode()
