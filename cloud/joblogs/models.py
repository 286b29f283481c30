"""Owns the tables of job logs, and the count of how often an organization's changed."""

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
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from cloud.db import Table
from cloud.joblogs.schemas import JobState
from cloud.register import closed


def _seconds() -> Any:
    return Field(default=0.0, sa_column=Column(Double, nullable=False, server_default=text("0")))


def _names(column: str, table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["organization_id", column], [f"{table}.organization_id", f"{table}.{column}"])


class JobLogRow(Table, table=True):
    """What was done on a machine, from when until when, by whom, for which job."""

    __tablename__ = "joblog"
    __table_args__ = (
        _names("job_number", "job"),
        _names("part_number", "part"),
        _names("emp_id", "operator"),
        UniqueConstraint("organization_id", "source", "source_id"),
        CheckConstraint("end_time > start_time", name="window"),
        CheckConstraint("job_duration_s > 0", name="job_duration_s"),
        CheckConstraint("parts_produced >= 0", name="parts_produced"),
        CheckConstraint("(state = 'OPENED') OR (end_time IS NOT NULL AND job_duration_s IS NOT NULL)", name="closed"),
        Index(None, "organization_id", "start_time", "id"),
        Index(None, "machine_id", "start_time"),
        Index(None, "organization_id", "job_number", "start_time"),
        Index(None, "organization_id", "part_number", "start_time"),
        Index(None, "organization_id", "emp_id", "start_time"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False))
    start_time: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    end_time: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    state: JobState = Field(sa_column=Column(closed(JobState, "joblogstate"), nullable=False))
    job_number: str | None = Field(default=None, sa_type=Text)
    part_number: str | None = Field(default=None, sa_type=Text)
    emp_id: str | None = Field(default=None, sa_type=Text)
    op_number: str | None = Field(default=None, sa_type=Text)
    parts_produced: int | None = Field(default=None, sa_type=Integer)
    job_duration_s: float | None = Field(default=None, sa_type=Double)
    running_s: float = _seconds()
    setup_s: float = _seconds()
    waiting_setup_s: float = _seconds()
    not_feeding_s: float = _seconds()
    adjustment_s: float = _seconds()
    dressing_s: float = _seconds()
    tooling_s: float = _seconds()
    engineering_s: float = _seconds()
    maintenance_s: float = _seconds()
    buy_in_s: float = _seconds()
    break_shift_change_s: float = _seconds()
    idle_s: float = _seconds()
    unaccounted_s: float | None = Field(default=None, sa_type=Double)
    flags: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=text("'[]'::jsonb"))
    )
    source: str = Field(sa_column=Column(Text, nullable=False))
    source_id: str = Field(sa_column=Column(Text, nullable=False))
    # of the row as it was there, to notice that it was changed since
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    imported_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class JobLogTold(Table, table=True):
    """How a closed row stood, from `recorded_at` on; what stands otherwise since was withdrawn."""

    __tablename__ = "joblog_told"
    __table_args__ = (
        CheckConstraint("at <= known_at", name="order"),
        Index("ix_joblog_told_current", "joblog_id", unique=True, postgresql_where=text("withdrawn_at IS NULL")),
        Index(None, "joblog_id", "at"),
        Index(None, "machine_id", "at"),
        Index(None, "organization_id", "at"),
        Index(None, "organization_id", "recorded_at"),
        # whether anything is new of a machine
        Index(None, "machine_id", "id"),
        Index(
            "ix_joblog_told_withdrawn",
            "machine_id",
            "withdrawn_at",
            postgresql_where=text("withdrawn_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False))
    joblog_id: int = Field(sa_column=Column(BigInteger, ForeignKey("joblog.id"), nullable=False))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    known_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # in the order of `service.told.NAMES`
    numbers: list[float] = Field(sa_column=Column(ARRAY(Double), nullable=False))
    recorded_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class JobLogRevision(Table, table=True):
    """How often an organization's job log changed: what was computed from it is good as long as this is the same."""

    __tablename__ = "joblog_revision"

    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
