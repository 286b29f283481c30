"""Owns the tables of issues: what is wrong, what was said of it, and which photos there are."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Enum, ForeignKey, Identity, Index, Integer, Text, Uuid, func
from sqlmodel import Field

from cloud.db import Table
from cloud.issues.schemas import IssueStatus, IssueType, Severity


def _enum(kind: type[Any], name: str) -> Enum:
    return Enum(kind, name=name, values_callable=lambda kinds: [each.value for each in kinds])


def _moment(**more: Any) -> Any:
    return Column(DateTime(timezone=True), **more)


def _stamped() -> Any:
    return Field(default=None, sa_column=_moment(nullable=False, server_default=func.now()))


def _somebody() -> Any:
    return Field(default=None, sa_column=Column(Integer, ForeignKey("app_user.id")))


class Issue(Table, table=True):
    """Something wrong at a stage, and at the machine that the stage was on."""

    __tablename__ = "issue"
    __table_args__ = (
        Index(None, "organization_id", "created_at", "id"),
        Index(None, "organization_id", "status", "created_at", "id"),
        Index(None, "work_order_stage_id"),
        Index(None, "machine_id", "created_at"),
        Index(None, "created_by", "created_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    work_order_stage_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order_stage.id", ondelete="CASCADE"), nullable=False)
    )
    work_order_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order.id", ondelete="CASCADE"), nullable=False)
    )
    machine_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid, ForeignKey("machine.id")))
    type: IssueType = Field(sa_column=Column(_enum(IssueType, "issuetype"), nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    severity: Severity = Field(
        sa_column=Column(_enum(Severity, "issueseverity"), nullable=False, server_default=Severity.MEDIUM.value)
    )
    status: IssueStatus = Field(
        default=IssueStatus.OPEN,
        sa_column=Column(_enum(IssueStatus, "issuestatus"), nullable=False, server_default=IssueStatus.OPEN.value),
    )
    resolution: str | None = Field(default=None, sa_type=Text)
    created_by: int | None = _somebody()
    created_at: datetime | None = _stamped()
    acknowledged_by: int | None = _somebody()
    acknowledged_at: datetime | None = Field(default=None, sa_column=_moment())
    resolved_by: int | None = _somebody()
    resolved_at: datetime | None = Field(default=None, sa_column=_moment())
    reopened_by: int | None = _somebody()
    reopened_at: datetime | None = Field(default=None, sa_column=_moment())
    updated_at: datetime | None = _stamped()


class IssueComment(Table, table=True):
    """What somebody said of an issue."""

    __tablename__ = "issue_comment"
    __table_args__ = (Index(None, "issue_id", "id"),)

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    issue_id: int = Field(sa_column=Column(Integer, ForeignKey("issue.id", ondelete="CASCADE"), nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    created_by: int | None = _somebody()
    created_at: datetime | None = _stamped()


class IssueAttachment(Table, table=True):
    """A photo; its bytes are in the store, under a key that no caller has a say in."""

    __tablename__ = "issue_attachment"
    __table_args__ = (Index(None, "issue_id", "id"),)

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    issue_id: int = Field(sa_column=Column(Integer, ForeignKey("issue.id", ondelete="CASCADE"), nullable=False))
    key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    filename: str | None = Field(default=None, sa_type=Text)
    media_type: str = Field(sa_column=Column(Text, nullable=False))
    size: int = Field(sa_column=Column(Integer, nullable=False))
    sha256: str = Field(sa_column=Column(Text, nullable=False))
    created_by: int | None = _somebody()
    created_at: datetime | None = _stamped()
