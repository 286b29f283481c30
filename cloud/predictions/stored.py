"""Owns the tables of predictions: what was said and what came of it, and how good that turned out to be."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    Uuid,
    false,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


def _moment(*, is_needed: bool) -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=not is_needed))


def _number() -> Any:
    return Field(sa_column=Column(Double, nullable=False))


class PredictionRow(Table, table=True):
    """What was said of a machine at an instant; once that is mature, what came."""

    __tablename__ = "prediction"
    __table_args__ = (
        CheckConstraint("outcome IN ('stop', 'none', 'unknown', 'down')", name="outcome"),
        CheckConstraint("source IN ('asked', 'periodic')", name="source"),
        Index("ix_prediction_organization_id_horizon_h_at", "organization_id", "horizon_h", "at"),
        Index("ix_prediction_due", "due_at", postgresql_where=literal_column("outcome IS NULL")),
        # one a machine, server and instant: two processes that both think it is time say it once
        Index(
            "ix_prediction_periodic",
            "machine_id",
            "horizon_h",
            "at",
            "served_by",
            "model_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=literal_column("source = 'periodic'"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False))
    # null: a simple rule, `served_by` names it
    model_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid))
    served_by: str = Field(sa_column=Column(Text, nullable=False))
    is_challenger: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    source: str = Field(sa_column=Column(Text, nullable=False))
    horizon_h: int = Field(sa_column=Column(Integer, nullable=False))
    at: datetime = _moment(is_needed=True)
    # horizon and the time for late records over
    due_at: datetime = _moment(is_needed=True)
    probability: float = _number()
    baseline: float = _number()
    minutes: float = _number()
    minutes_lower: float = _number()
    minutes_upper: float = _number()
    outcome: str | None = Field(default=None, sa_column=Column(Text))
    came_minutes: float | None = Field(default=None, sa_column=Column(Double))
    made_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class WatchRow(Table, table=True):
    """How good an organization's predictions of a horizon turned out to be, as last looked at."""

    __tablename__ = "prediction_watch"

    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), primary_key=True))
    horizon_h: int = Field(sa_column=Column(Integer, primary_key=True))
    made_at: datetime = _moment(is_needed=True)
    report: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    is_input_drift: bool = Field(sa_column=Column(Boolean, nullable=False))
    is_concept_drift: bool = Field(sa_column=Column(Boolean, nullable=False))
    is_worse_than_rule: bool = Field(sa_column=Column(Boolean, nullable=False))
