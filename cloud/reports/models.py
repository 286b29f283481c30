"""Owns the table of reports: asked for, under way, done."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


class ReportRow(Table, table=True):
    """A report, its file included: it is small, and gone after a week."""

    __tablename__ = "report"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="status"),
        Index(None, "organization_id", "created_at", "id"),
        Index("ix_report_due", "created_at", postgresql_where=text("status IN ('queued', 'running')")),
    )

    id: uuid.UUID = Field(
        default_factory=uuid.uuid4, sa_column=Column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    )
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    created_by: int = Field(sa_column=Column(Integer, ForeignKey("app_user.id"), nullable=False))
    asked: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    format: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(default="queued", sa_column=Column(Text, nullable=False, server_default="queued"))
    progress: float = Field(default=0.0, sa_column=Column(Double, nullable=False, server_default=text("0")))
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    # when its maker last said that it is at it
    beat_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    rows: int | None = Field(default=None, sa_type=Integer)
    problem: str | None = Field(default=None, sa_type=Text)
    file: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    finished_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
