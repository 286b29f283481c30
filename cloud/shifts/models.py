"""Owns the tables of shifts: patterns, who follows them, exceptions, and the shifts that are worked."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


class ShiftPattern(Table, table=True):
    """Shifts that repeat; `shown_from` to `shown_to` are the business dates whose shifts are in `shift_occurrence`."""

    __tablename__ = "shift_pattern"
    __table_args__ = (
        CheckConstraint("cycle_days > 0", name="cycle_days"),
        # one default an organization
        Index(
            "ix_shift_pattern_default", "organization_id", unique=True, postgresql_where=literal_column("is_default")
        ),
        Index(None, "organization_id", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    time_zone: str = Field(sa_column=Column(Text, nullable=False))
    cycle_days: int = Field(sa_column=Column(SmallInteger, nullable=False))
    anchor: date = Field(sa_column=Column(Date, nullable=False))
    valid_to: date | None = Field(default=None, sa_column=Column(Date))
    shifts: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    is_default: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    shown_from: date | None = Field(default=None, sa_column=Column(Date))
    shown_to: date | None = Field(default=None, sa_column=Column(Date))
    # why its shifts cannot be shown further; null as a rule
    trouble: str | None = Field(default=None, sa_type=Text)


class ShiftMachine(Table, table=True):
    """That a machine follows a pattern of its own."""

    __tablename__ = "shift_machine"

    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))
    pattern_id: int = Field(
        sa_column=Column(Integer, ForeignKey("shift_pattern.id", ondelete="CASCADE"), nullable=False, index=True)
    )


class ShiftException(Table, table=True):
    """A business date on which a pattern does not hold."""

    __tablename__ = "shift_exception"
    __table_args__ = (UniqueConstraint("pattern_id", "business_date"),)

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    pattern_id: int = Field(
        sa_column=Column(Integer, ForeignKey("shift_pattern.id", ondelete="CASCADE"), nullable=False)
    )
    business_date: date = Field(sa_column=Column(Date, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    label: str = Field(sa_column=Column(Text, nullable=False))
    shifts: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class ShiftOccurrence(Table, table=True):
    """One shift that is worked; `breaks` are pairs of times."""

    __tablename__ = "shift_occurrence"
    __table_args__ = (
        UniqueConstraint("pattern_id", "business_date", "name"),
        CheckConstraint("starts_at < ends_at", name="span"),
        Index(None, "pattern_id", "starts_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    pattern_id: int = Field(
        sa_column=Column(Integer, ForeignKey("shift_pattern.id", ondelete="CASCADE"), nullable=False)
    )
    business_date: date = Field(sa_column=Column(Date, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    crew: str | None = Field(default=None, sa_type=Text)
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    breaks: list[list[str]] = Field(sa_column=Column(JSONB, nullable=False))
