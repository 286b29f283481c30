"""Owns the tables of analytics: facts by hour and by shift, how far each machine is derived, and a plant's policies.

Only what adds up is kept: microseconds and pieces. Every ratio is computed from sums when it is read.
"""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    Uuid,
    false,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


class FactRow(Table):
    """The facts of a window of a machine: `cloud.kpi.facts.Facts`, a column each."""

    run_us: int = Field(sa_type=BigInteger)
    run_unassigned_us: int = Field(sa_type=BigInteger)
    setup_us: int = Field(sa_type=BigInteger)
    setup_unassigned_us: int = Field(sa_type=BigInteger)
    minor_us: int = Field(sa_type=BigInteger)
    minor_unassigned_us: int = Field(sa_type=BigInteger)
    idle_us: int = Field(sa_type=BigInteger)
    idle_unassigned_us: int = Field(sa_type=BigInteger)
    breakdown_us: int = Field(sa_type=BigInteger)
    breakdown_unassigned_us: int = Field(sa_type=BigInteger)
    maintenance_us: int = Field(sa_type=BigInteger)
    planned_maintenance_us: int = Field(sa_type=BigInteger)
    planned_stop_us: int = Field(sa_type=BigInteger)
    shift_break_us: int = Field(sa_type=BigInteger)
    unknown_us: int = Field(sa_type=BigInteger)
    off_shift_us: int = Field(sa_type=BigInteger)
    overtime_us: int = Field(sa_type=BigInteger)
    good: int = Field(sa_type=BigInteger)
    scrap: int = Field(sa_type=BigInteger)
    rework: int = Field(sa_type=BigInteger)
    startup: int = Field(sa_type=BigInteger)
    made: int = Field(sa_type=BigInteger)
    ideal_good_us: int = Field(sa_type=BigInteger)
    ideal_scrap_us: int = Field(sa_type=BigInteger)
    ideal_rework_us: int = Field(sa_type=BigInteger)
    ideal_startup_us: int = Field(sa_type=BigInteger)
    ideal_made_us: int = Field(sa_type=BigInteger)
    without_ideal: int = Field(sa_type=BigInteger)
    overtime_pieces: int = Field(sa_type=BigInteger)
    failures: int = Field(sa_type=Integer)
    repair_us: int = Field(sa_type=BigInteger)
    # how often it came out otherwise
    revision: int = Field(sa_type=Integer)


class FactHour(FactRow, table=True):
    """A machine's hour, of the plant's clock."""

    __tablename__ = "fact_hour"
    __table_args__ = (
        Index(
            "ix_fact_hour_overtime",
            "machine_id",
            "bucket",
            postgresql_where=text("overtime_us <> 0 OR overtime_pieces <> 0"),
        ),
    )

    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))
    bucket: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))


class FactHourTold(Table, table=True):
    """What was new of an hour that is over, when it was: first all of it, then differences. Only ever added to."""

    __tablename__ = "fact_hour_told"
    # whether anything is new of a machine
    __table_args__ = (Index(None, "machine_id", "id"),)

    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))
    bucket: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    known_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    recorded_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    run_us: int = Field(sa_type=BigInteger)
    setup_us: int = Field(sa_type=BigInteger)
    micro_us: int = Field(sa_type=BigInteger)
    unknown_us: int = Field(sa_type=BigInteger)
    good: int = Field(sa_type=BigInteger)
    scrap: int = Field(sa_type=BigInteger)
    # thousandths of pieces
    ideal_milli: int = Field(sa_type=BigInteger)


class FactShift(FactRow, table=True):
    """A machine's shift, as far as it has gone."""

    __tablename__ = "fact_shift"
    __table_args__ = (Index(None, "machine_id", "starts_at"), Index(None, "occurrence_id"))

    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))
    occurrence_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("shift_occurrence.id", ondelete="CASCADE"), primary_key=True)
    )
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    business_date: date = Field(sa_column=Column(Date, nullable=False))


class Derived(Table, table=True):
    """How far a machine is derived: from its first state until `until_at`."""

    __tablename__ = "derived"

    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))
    since_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    until_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))
    # when it was the first time
    begun_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class PolicyRow(Table, table=True):
    """A policy of a plant's own."""

    __tablename__ = "oee_policy"
    __table_args__ = (
        Index(
            "ix_oee_policy_default",
            "organization_id",
            unique=True,
            postgresql_where=literal_column("is_default"),
        ),
    )

    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), primary_key=True))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    settings: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    is_default: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
