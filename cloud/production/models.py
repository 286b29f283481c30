"""Owns the tables of production: reasons, how states are read, what people say, states, counts and claims."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
    literal_column,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


def _machine() -> Any:
    return Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False))


def _now() -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()))


class ReasonCode(Table, table=True):
    """Why a machine stands, or why pieces are not good; a tree by `parent_id`."""

    __tablename__ = "reason_code"
    __table_args__ = (UniqueConstraint("organization_id", "code"),)

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    code: str = Field(sa_column=Column(Text, nullable=False))
    parent_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("reason_code.id")))
    label_en: str = Field(sa_column=Column(Text, nullable=False))
    label_tr: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    time_element: str | None = Field(default=None, sa_type=Text)
    loss: str | None = Field(default=None, sa_type=Text)
    is_failure: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    is_planned: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    is_active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))


class StateModel(Table, table=True):
    """How a machine's readings tell its state, where they do not say it in the house's own words."""

    __tablename__ = "state_model"

    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))
    preset: str | None = Field(default=None, sa_type=Text)
    codes: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    rules: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    otherwise: str | None = Field(default=None, sa_type=Text)


class StateTold(Table, table=True):
    """What a person or an import says of a stretch of a machine's time: a state, a reason, or both. Never changed."""

    __tablename__ = "state_told"
    __table_args__ = (
        CheckConstraint("from_at < to_at", name="span"),
        Index(None, "machine_id", "from_at"),
        Index(
            "ix_state_told_key",
            "machine_id",
            "key",
            unique=True,
            postgresql_where=literal_column("key IS NOT NULL AND withdrawn_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    machine_id: uuid.UUID = _machine()
    from_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # null: until something else is said or read
    to_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    source: str = Field(sa_column=Column(Text, nullable=False))
    state: str | None = Field(default=None, sa_type=Text)
    reason_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("reason_code.id")))
    note: str | None = Field(default=None, sa_type=Text)
    # of an import: which row says so, so that the same row is told once
    key: str | None = Field(default=None, sa_type=Text)
    told_by: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("app_user.id")))
    told_at: datetime | None = _now()
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class MachineStateRow(Table, table=True):
    """What a machine did, of its full length. A row that turns out wrong stays, `replaced_at`; another follows it."""

    __tablename__ = "machine_state"
    __table_args__ = (
        CheckConstraint("from_at < to_at", name="span"),
        Index(
            "ix_machine_state_current",
            "machine_id",
            "from_at",
            unique=True,
            postgresql_where=literal_column("replaced_at IS NULL"),
        ),
        Index(
            "ix_machine_state_open",
            "machine_id",
            unique=True,
            postgresql_where=literal_column("replaced_at IS NULL AND to_at IS NULL"),
        ),
        Index(None, "replaces_id"),
        # what predictions ask: whether anything is new, and when it stood; of rows that were replaced too
        Index(None, "machine_id", "id"),
        Index(
            "ix_machine_state_replaced",
            "machine_id",
            "replaced_at",
            postgresql_where=literal_column("replaced_at IS NOT NULL"),
        ),
        Index(
            "ix_machine_state_stops",
            "machine_id",
            "from_at",
            postgresql_where=literal_column("state = 'faulted' OR reason_id IS NOT NULL"),
        ),
        Index(
            "ix_machine_state_unknown",
            "machine_id",
            "from_at",
            postgresql_where=literal_column("state = 'no_data'"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    machine_id: uuid.UUID = _machine()
    from_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    to_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    state: str = Field(sa_column=Column(Text, nullable=False))
    reason_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("reason_code.id")))
    source: str = Field(sa_column=Column(Text, nullable=False))
    told_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("state_told.id")))
    revision: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    replaces_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("machine_state.id")))
    recorded_at: datetime | None = _now()
    # of one that was open at first; of an older one, and one that never was, null
    end_recorded_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    replaced_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class AlarmRow(Table, table=True):
    """That a tag began to say another alarm's code. What turns out wrong stays, with when it was withdrawn."""

    __tablename__ = "machine_alarm"
    __table_args__ = (
        Index(
            "ix_machine_alarm_current",
            "machine_id",
            "tag_id",
            "at",
            unique=True,
            postgresql_where=literal_column("withdrawn_at IS NULL"),
        ),
        Index(None, "machine_id", "id"),
        Index(
            "ix_machine_alarm_withdrawn",
            "machine_id",
            "withdrawn_at",
            postgresql_where=literal_column("withdrawn_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    machine_id: uuid.UUID = _machine()
    tag_id: int = Field(sa_column=Column(Integer, ForeignKey("tag.id"), nullable=False))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # null: from then on there was none
    code: str | None = Field(default=None, sa_type=Text)
    recorded_at: datetime | None = _now()
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class PieceCount(Table, table=True):
    """Pieces that a counter counted in a minute, while a stage ran; only ever added to, and summed."""

    __tablename__ = "piece_count"
    __table_args__ = (
        CheckConstraint("quantity <> 0", name="quantity"),
        Index(None, "machine_id", "at"),
        Index(None, "stage_id", postgresql_where=literal_column("stage_id IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    machine_id: uuid.UUID = _machine()
    tag_id: int = Field(sa_column=Column(Integer, ForeignKey("tag.id"), nullable=False))
    # the minute's beginning
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # null: nothing ran, as far as is known; an orphan
    stage_id: int | None = Field(
        default=None, sa_column=Column(Integer, ForeignKey("work_order_stage.id", ondelete="SET NULL"))
    )
    kind: str = Field(sa_column=Column(Text, nullable=False))
    quantity: int = Field(sa_column=Column(BigInteger, nullable=False))
    recorded_at: datetime | None = _now()


class PieceClaim(Table, table=True):
    """That what a machine counted in a stretch of time belongs to a stage, whatever ran as far as was known."""

    __tablename__ = "piece_claim"
    __table_args__ = (CheckConstraint("from_at < to_at", name="span"), Index(None, "machine_id", "from_at"))

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    machine_id: uuid.UUID = _machine()
    from_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    to_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    stage_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order_stage.id", ondelete="CASCADE"), nullable=False)
    )
    claimed_by: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("app_user.id")))
    claimed_at: datetime | None = _now()
