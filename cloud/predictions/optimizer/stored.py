"""Owns the table of suggestions: what was expected of less of a loss, and who decided about it."""

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
    Text,
    Uuid,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


def _moment(*, is_needed: bool) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=not is_needed)


def _number() -> Column[float]:
    return Column(Double, nullable=False)


class SuggestionRow(Table, table=True):
    """A suggestion. What it brought is computed when it is read, for late records change it."""

    __tablename__ = "oee_suggestion"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'accepted', 'declined')", name="status"),
        # one open at a time of a machine's loss: asked again, it is told anew
        Index(
            "ix_oee_suggestion_open",
            "machine_id",
            "bucket",
            unique=True,
            postgresql_where=literal_column("status = 'open'"),
        ),
        Index("ix_oee_suggestion_organization_id", "organization_id", "suggested_at", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False))
    bucket: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(default="open", sa_column=Column(Text, nullable=False, server_default="open"))
    policy: str = Field(sa_column=Column(Text, nullable=False))
    # what the policy decided then; null where it was one that is long gone
    policy_settings: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    # the days that it was learned from
    from_at: datetime = Field(sa_column=_moment(is_needed=True))
    until_at: datetime = Field(sa_column=_moment(is_needed=True))
    reduction: float = Field(sa_column=_number())
    oee: float = Field(sa_column=_number())
    gain: float = Field(sa_column=_number())
    gain_lower: float = Field(sa_column=_number())
    gain_upper: float = Field(sa_column=_number())
    suggested_by: str = Field(sa_column=Column(Text, nullable=False))
    suggested_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    decided_by: str | None = Field(default=None, sa_column=Column(Text))
    decided_at: datetime | None = Field(default=None, sa_column=_moment(is_needed=False))
