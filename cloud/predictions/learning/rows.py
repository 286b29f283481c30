"""Owns the tables of models and of the trainings that make them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


def _moment() -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True)))


def _document() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


class TrainingRow(Table, table=True):
    """A training: asked for, under way, over."""

    __tablename__ = "ml_job"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="status"),
        Index(None, "organization_id", "created_at", "id"),
        # one at a time: a second would learn the same
        Index(
            "uq_ml_job_live",
            "organization_id",
            "kind",
            unique=True,
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
    )

    id: uuid.UUID = Field(
        default_factory=uuid.uuid4, sa_column=Column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    )
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    created_by: int = Field(sa_column=Column(Integer, ForeignKey("app_user.id"), nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    asked: dict[str, Any] = _document()
    status: str = Field(default="queued", sa_column=Column(Text, nullable=False, server_default="queued"))
    progress: float = Field(default=0.0, sa_column=Column(Double, nullable=False, server_default=text("0")))
    step: str | None = Field(default=None, sa_type=Text)
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    # when somebody last saw to it
    beat_at: datetime | None = _moment()
    # done: learned, or insufficient_data
    outcome: str | None = Field(default=None, sa_type=Text)
    # in every language
    problem: dict[str, str] | None = Field(default=None, sa_column=Column(JSONB))
    model_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid))
    # of what makes no model
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    finished_at: datetime | None = _moment()


class ModelRow(Table, table=True):
    """A trained model with its file, and all that is known of it."""

    __tablename__ = "ml_model"
    __table_args__ = (
        CheckConstraint("state IN ('candidate', 'champion', 'retired', 'refused')", name="state"),
        CheckConstraint("(artefact IS NULL) = (file_deleted_at IS NOT NULL)", name="file"),
        UniqueConstraint("organization_id", "kind", "number"),
        Index(
            "uq_ml_model_champion",
            "organization_id",
            "kind",
            "horizon_h",
            unique=True,
            postgresql_where=text("state = 'champion'"),
        ),
    )

    id: uuid.UUID = Field(
        default_factory=uuid.uuid4, sa_column=Column(Uuid, primary_key=True, server_default=text("gen_random_uuid()"))
    )
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    number: int = Field(sa_column=Column(Integer, nullable=False))
    horizon_h: int = Field(sa_column=Column(Integer, nullable=False))
    algorithm: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    is_control: bool = Field(sa_column=Column(Boolean, nullable=False))
    trained_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    learned_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # scores, gain, best rule, rows, parameters: as judged on the latest part of the past
    verdict: dict[str, Any] = _document()
    features: list[str] = _document()
    # the middle of each feature; null where nothing was known
    usual: list[float | None] = _document()
    calibration: dict[str, float] = _document()
    # null once nobody can want it any more
    artefact: bytes | None = Field(sa_column=Column(LargeBinary))
    file_deleted_at: datetime | None = _moment()
    sha256: str = Field(sa_column=Column(Text, nullable=False))
    versions: dict[str, str] = _document()
    predecessor_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid))
    promoted_at: datetime | None = _moment()
    retired_at: datetime | None = _moment()
