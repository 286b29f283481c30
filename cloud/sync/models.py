"""Owns the table of intentions that were pushed, and what became of each."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Integer, LargeBinary, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from cloud.db import Table


class PushedOp(Table, table=True):
    """An intention that was settled; it is never settled a second time."""

    __tablename__ = "pushed_op"

    user_id: int = Field(sa_column=Column(Integer, ForeignKey("app_user.id"), primary_key=True, autoincrement=False))
    op_id: str = Field(sa_column=Column(Text, primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    outcome: str = Field(sa_column=Column(Text, nullable=False))
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    error: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    settled_at: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    )
