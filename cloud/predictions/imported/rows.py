"""Owns the tables of an imported past. Rows are only ever added; each says by its import when it came to be known here.

A row bears two times beside its own: `known_at`, when the plant knew it, which is what a model may learn from; and by
its import `arrived_at`, since when anything here may have been answered from it.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from cloud.db import Table


def _moment(*, is_key: bool = False) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=False, primary_key=is_key))


def _word(*, is_key: bool = True) -> Any:
    return Field(sa_column=Column(Text, nullable=False, primary_key=is_key))


def _machine() -> Any:
    return Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))


def _import() -> Any:
    return Field(sa_column=Column(BigInteger, ForeignKey("history_import.id"), nullable=False))


class HistoryImport(Table, table=True):
    """One directory, brought in at an instant; what it says covers a range of time."""

    __tablename__ = "history_import"
    __table_args__ = (Index(None, "organization_id", "arrived_at"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    arrived_at: datetime = _moment()
    from_at: datetime = _moment()
    to_at: datetime = _moment()
    verdict: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class HistoryMachine(Table, table=True):
    """That an import tells of a machine, and what it says the machine is: its age, its model."""

    __tablename__ = "history_machine"

    import_id: int = Field(sa_column=Column(BigInteger, ForeignKey("history_import.id"), primary_key=True))
    machine_id: uuid.UUID = _machine()
    traits: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class HistoryStop(Table, table=True):
    """A stop that nobody planned."""

    __tablename__ = "history_stop"
    __table_args__ = (
        CheckConstraint("at <= to_at AND at <= known_at AND to_at <= end_known_at", name="order"),
        Index(None, "import_id"),
    )

    machine_id: uuid.UUID = _machine()
    at: datetime = _moment(is_key=True)
    code: str = _word()
    to_at: datetime = _moment()
    known_at: datetime = _moment()
    end_known_at: datetime = _moment()
    import_id: int = _import()


class HistoryEvent(Table, table=True):
    """An alarm, or maintenance that was done."""

    __tablename__ = "history_event"
    __table_args__ = (
        CheckConstraint("kind IN ('alarms', 'maintenance')", name="kind"),
        CheckConstraint("at <= known_at", name="order"),
        Index(None, "import_id"),
    )

    machine_id: uuid.UUID = _machine()
    kind: str = _word()
    at: datetime = _moment(is_key=True)
    code: str = _word()
    known_at: datetime = _moment()
    import_id: int = _import()


class HistoryLayout(Table, table=True):
    """Which columns the values of spans are, in their order, and how long such a span is."""

    __tablename__ = "history_layout"
    __table_args__ = (
        CheckConstraint("kind IN ('work', 'telemetry')", name="kind"),
        UniqueConstraint("organization_id", "kind", "length_s", "names"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    kind: str = _word(is_key=False)
    length_s: int = Field(sa_column=Column(Integer, nullable=False))
    names: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))


class HistorySpan(Table, table=True):
    """What was counted or measured over a span of time that ends `at`; NaN where nothing was."""

    __tablename__ = "history_span"
    __table_args__ = (CheckConstraint("at <= known_at", name="order"), Index(None, "import_id"))

    machine_id: uuid.UUID = _machine()
    layout_id: int = Field(sa_column=Column(Integer, ForeignKey("history_layout.id"), primary_key=True))
    at: datetime = _moment(is_key=True)
    known_at: datetime = _moment()
    # not "values", which is a word of SQL
    numbers: list[float] = Field(sa_column=Column(ARRAY(Double), nullable=False))
    import_id: int = _import()
