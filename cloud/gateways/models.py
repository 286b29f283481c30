"""Owns the tables of gateways and of the buffers that spoke in their name."""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
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

NO_TOKEN = b""
"""The hash that no token has: of the gateway in whose name people post, which never gets one."""
POSTED = "(posted)"
"""What that gateway is called; nobody else may be."""


class Gateway(Table, table=True):
    """A gateway beside the machines. `name` is what it calls itself on the wire."""

    __tablename__ = "gateway"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    id: uuid.UUID = Field(
        default_factory=uuid.uuid4,
        sa_column=Column(Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    )
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    # SHA-256 of 256 random bits: there is nothing to guess, so a slow hash would only slow down every batch.
    # Null until it has enrolled.
    token_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    token_issued_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # given out to be the next one; the first time it is used, it takes the other's place
    next_token_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    # an admin wants its token renewed; it is told with its next sign of life
    rotation_asked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_seen: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # as its last sign of life said; null as long as it said nothing
    version: str | None = Field(default=None, sa_column=Column(Text))
    waiting: int | None = Field(default=None, sa_column=Column(BigInteger))
    buffer_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    oldest_waiting_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # how far its clock is ahead of ours
    clock_skew_s: float | None = Field(default=None, sa_column=Column(Double))
    # how far its devices' clocks are ahead of its own, by their names
    device_clock_skew_s: dict[str, float] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))
    )
    # the newest of the buffers that spoke in its name
    epoch: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid))
    # two machines speak in its name: since when, and how that was noticed
    conflict_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    conflict: str | None = Field(default=None, sa_column=Column(Text))
    # of the configurations that were set for it, the one that it last tried, and what became of it
    configuration_version: int | None = Field(default=None, sa_column=Column(Integer))
    configuration_outcome: str | None = Field(default=None, sa_column=Column(Text))
    configuration_detail: str | None = Field(default=None, sa_column=Column(Text))


class GatewayEpoch(Table, table=True):
    """A buffer that sent batches in a gateway's name: a second one means a new, cloned or restored gateway."""

    __tablename__ = "gateway_epoch"

    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), primary_key=True))
    epoch: uuid.UUID = Field(sa_column=Column(Uuid, primary_key=True))
    first_seen: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class Enrolment(Table, table=True):
    """A code that was given out for a gateway, by its hash; good once, and for a quarter of an hour."""

    __tablename__ = "gateway_enrolment"

    code_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class Configuration(Table, table=True):
    """A configuration that was set for a gateway; none is ever changed, a new one follows it."""

    __tablename__ = "gateway_configuration"

    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), primary_key=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    document: str = Field(sa_column=Column(Text, nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False))
    set_by: str = Field(sa_column=Column(Text, nullable=False))
    set_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
