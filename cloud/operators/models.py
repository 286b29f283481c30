"""Owns the table of operators."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table
from cloud.operators.schemas import OperatorStatus, ShiftPreference, SkillLevel
from cloud.register import closed
from cloud.values import Source


class OperatorRow(Table, table=True):
    """Somebody who works at machines; who has a user, is that one."""

    __tablename__ = "operator"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "supervisor_id"], ["operator.organization_id", "operator.emp_id"]),
        UniqueConstraint("organization_id", "user_id"),
        CheckConstraint("supervisor_id <> emp_id", name="supervisor_id"),
        CheckConstraint("hourly_rate >= 0", name="hourly_rate"),
        Index(None, "organization_id", "supervisor_id"),
    )

    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), primary_key=True))
    emp_id: str = Field(sa_column=Column(Text, primary_key=True))
    operator_name: str = Field(sa_column=Column(Text, nullable=False))
    skill_level: SkillLevel | None = Field(default=None, sa_column=Column(closed(SkillLevel, "skilllevel")))
    hire_date: date | None = Field(default=None, sa_type=Date)
    shift_preference: ShiftPreference | None = Field(
        default=None, sa_column=Column(closed(ShiftPreference, "shiftpreference"))
    )
    certifications: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=text("'[]'::jsonb"))
    )
    hourly_rate: float | None = Field(default=None, sa_type=Double)
    department: str | None = Field(default=None, sa_type=Text)
    supervisor_id: str | None = Field(default=None, sa_type=Text)
    status: OperatorStatus = Field(
        default=OperatorStatus.ACTIVE,
        sa_column=Column(
            closed(OperatorStatus, "operatorstatus"), nullable=False, server_default=OperatorStatus.ACTIVE.value
        ),
    )
    user_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("app_user.id")))
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
