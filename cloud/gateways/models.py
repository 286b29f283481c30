"""Owns the tables of gateways and of the buffers that spoke in their name."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, LargeBinary, Text, UniqueConstraint, Uuid, func, text
from sqlmodel import Field

from cloud.db import Table


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
    # SHA-256 of 256 random bits: there is nothing to guess, so a slow hash would only slow down every batch
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_seen: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # as its last sign of life said; null as long as it said nothing
    version: str | None = Field(default=None, sa_column=Column(Text))
    waiting: int | None = Field(default=None, sa_column=Column(BigInteger))


class GatewayEpoch(Table, table=True):
    """A buffer that sent batches in a gateway's name: a second one means a new, cloned or restored gateway."""

    __tablename__ = "gateway_epoch"

    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), primary_key=True))
    epoch: uuid.UUID = Field(sa_column=Column(Uuid, primary_key=True))
    first_seen: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
