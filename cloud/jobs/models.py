"""Owns the table of jobs."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, Double, ForeignKey, Index, Integer, Text, Uuid, func
from sqlmodel import Field

from cloud.db import Table
from cloud.jobs.schemas import JobPriority, JobStatus
from cloud.register import closed
from cloud.values import Source


def _moment() -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True)))


class JobRow(Table, table=True):
    """What a customer ordered."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("completion_date >= start_date", name="dates"),
        CheckConstraint("complexity_rating BETWEEN 1 AND 10", name="complexity_rating"),
        CheckConstraint("setup_complexity BETWEEN 1 AND 10", name="setup_complexity"),
        CheckConstraint("quantity_ordered >= 0 AND quantity_completed >= 0", name="quantities"),
        Index(None, "organization_id", "job_status", "job_number"),
    )

    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), primary_key=True))
    job_number: str = Field(sa_column=Column(Text, primary_key=True))
    job_name: str | None = Field(default=None, sa_type=Text)
    customer_id: str | None = Field(default=None, sa_type=Text)
    customer_name: str | None = Field(default=None, sa_type=Text)
    priority: JobPriority = Field(
        default=JobPriority.NORMAL,
        sa_column=Column(closed(JobPriority, "jobpriority"), nullable=False, server_default=JobPriority.NORMAL.value),
    )
    estimated_hours: float | None = Field(default=None, sa_type=Double)
    actual_hours: float | None = Field(default=None, sa_type=Double)
    quantity_ordered: int | None = Field(default=None, sa_type=Integer)
    quantity_completed: int | None = Field(default=None, sa_type=Integer)
    due_date: datetime | None = _moment()
    start_date: datetime | None = _moment()
    completion_date: datetime | None = _moment()
    job_status: JobStatus = Field(
        default=JobStatus.PENDING,
        sa_column=Column(closed(JobStatus, "jobstatus"), nullable=False, server_default=JobStatus.PENDING.value),
    )
    complexity_rating: int | None = Field(default=None, sa_type=Integer)
    setup_complexity: int | None = Field(default=None, sa_type=Integer)
    source: str = Field(
        default=Source.MANUAL.value, sa_column=Column(Text, nullable=False, server_default=Source.MANUAL.value)
    )
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now(), onupdate=func.now()),
    )
