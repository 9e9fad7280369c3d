"""The declarative class of all models."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from teleclaude.db.types import NAMING, TYPE_MAP


class Model(DeclarativeBase):
    """A table of TeleClaude."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPE_MAP
