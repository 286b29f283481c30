"""Owns the record of every change: who did what, when, with which request, and how it was before and after.

One append-only table is the audit log, and what phones pull and `GET /events` tells. A service says what it
did, in the transaction in which it did it:

    before = _shown(row)                         # a schema, or a dictionary
    ...change the row, flush...
    await changes.record(session, caller, Entity.STAGE, row.id, ChangeKind.UPDATED, before=before, after=_shown(row))

An update keeps only the members that differ, and one in which none does is no change. Members that name a
secret are blanked. Who gains or loses sight of a thing is told with GRANTED and REVOKED:

    await changes.record(session, caller, Entity.STAGE, stage_id, ChangeKind.REVOKED, subject_id=user_id)

Several at once go in one statement (`record_all`). Readings do not come here: they are their own record.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import orjson
from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, Text, Uuid, func, insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field

from cloud import request_id
from cloud.db import Table, driver_connection
from shared import logs


class Entity(StrEnum):
    """What can change; a slice adds its own here."""

    ORGANIZATION = "organization"
    USER = "user"
    GATEWAY = "gateway"
    MACHINE = "machine"
    CAVITIES = "cavities"
    MAINTENANCE = "maintenance"
    MAINTENANCE_PLAN = "maintenance_plan"
    WORK_ORDER = "work_order"
    STAGE = "stage"
    PRODUCTION = "production"
    ISSUE = "issue"
    ISSUE_COMMENT = "issue_comment"
    ISSUE_ATTACHMENT = "issue_attachment"
    ROUTE = "route"
    OPERATOR = "operator"
    JOB = "job"
    PART = "part"
    IDEAL_CYCLE = "ideal_cycle"
    JOBLOG = "joblog"
    SHIFT_PATTERN = "shift_pattern"
    SHIFT_EXCEPTION = "shift_exception"
    REASON_CODE = "reason_code"
    STATE_MODEL = "state_model"
    MACHINE_STATE = "machine_state"
    PIECE_CLAIM = "piece_claim"
    OEE_POLICY = "oee_policy"
    TRAINING = "training"
    MODEL = "model"
    OEE_SUGGESTION = "oee_suggestion"
    HISTORY = "history"


class ChangeKind(StrEnum):
    """What happened to it."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    GRANTED = "granted"  # `subject_id` may see it from now on
    REVOKED = "revoked"  # ... and no more
    # of users only, and nothing that phones are told
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    LOGGED_OUT = "logged_out"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - a kind, not a token


FED = (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED, ChangeKind.GRANTED, ChangeKind.REVOKED)
"""What the change feed tells."""

# from then on COPY is faster: by more than two times for the thousands of an import
_MANY = 100
_IS_FED = text(f"kind IN ({', '.join(repr(kind.value) for kind in FED)})")


class Actor(Protocol):
    """Who does something, and for which organization; a `Caller` is one."""

    @property
    def organization_id(self) -> uuid.UUID:
        """Whose things are changed."""
        ...

    @property
    def actor(self) -> str:
        """Who, in one word: `user:12`, `gateway:izmir-hall2`, `operator`."""
        ...


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at the command line, or the service itself."""

    organization_id: uuid.UUID
    actor: str = "operator"


class ChangeRow(Table, table=True):
    """One change; the database refuses to alter or delete it."""

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_audit", "organization_id", "id"),
        Index("ix_change_entity", "organization_id", "entity", "entity_id", "id"),
        # the feed's order: by transaction, for ids are given before transactions end
        Index("ix_change_feed", "organization_id", "xid", "id", postgresql_where=_IS_FED),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    xid: int | None = Field(
        default=None,
        sa_column=Column(BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint")),
    )
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, nullable=False))
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    kind: str = Field(sa_column=Column(Text, nullable=False))
    entity: str = Field(sa_column=Column(Text, nullable=False))
    entity_id: str = Field(sa_column=Column(Text, nullable=False))
    subject_id: int | None = Field(default=None, sa_type=Integer)
    actor: str = Field(sa_column=Column(Text, nullable=False))
    request_id: str | None = Field(default=None, sa_type=Text)
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened, before it is written down.

    Attributes:
        subject_id: With GRANTED and REVOKED, the user whose sight of it changed.
        before: How it was, as it is shown; None when it was not.
        after: How it is now.
    """

    entity: Entity
    entity_id: int | uuid.UUID | str
    kind: ChangeKind
    before: BaseModel | Mapping[str, Any] | None = None
    after: BaseModel | Mapping[str, Any] | None = None
    subject_id: int | None = None


async def record(
    session: AsyncSession,
    actor: Actor,
    entity: Entity,
    entity_id: int | uuid.UUID | str,
    kind: ChangeKind,
    *,
    before: BaseModel | Mapping[str, Any] | None = None,
    after: BaseModel | Mapping[str, Any] | None = None,
    subject_id: int | None = None,
) -> None:
    """Write down one change, in the transaction that makes it."""
    await record_all(session, actor, [Change(entity, entity_id, kind, before, after, subject_id)])


async def record_all(session: AsyncSession, actor: Actor, done: Sequence[Change]) -> None:
    """Write down several changes of one request, in their order."""
    rows = [_row(actor, change) for change in done if not _is_none(change)]
    if len(rows) > _MANY:
        await _copy(session, rows)
    elif rows:
        await session.execute(insert(ChangeRow), rows)


async def _copy(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    # what was flushed before comes before, as with a statement
    await session.flush()
    connection = await driver_connection(session)
    into = f"COPY change ({', '.join(rows[0])}) FROM STDIN"
    async with connection.cursor() as cursor, cursor.copy(into) as stream:
        for row in rows:
            await stream.write_row(
                [orjson.dumps(member).decode() if isinstance(member, dict) else member for member in row.values()]
            )


def _row(actor: Actor, change: Change) -> dict[str, Any]:
    before, after = _differing(_plain(change.before), _plain(change.after))
    return {
        "organization_id": actor.organization_id,
        "actor": actor.actor,
        "kind": change.kind.value,
        "entity": change.entity.value,
        "entity_id": str(change.entity_id),
        "subject_id": change.subject_id,
        "request_id": request_id.current() or None,
        "before": before,
        "after": after,
    }


def _is_none(change: Change) -> bool:
    is_update = change.kind is ChangeKind.UPDATED and change.before is not None and change.after is not None
    return is_update and _plain(change.before) == _plain(change.after)


def _plain(shown: BaseModel | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a thing as JSON can say it, with its secrets blanked."""
    if shown is None:
        return None
    members = shown.model_dump(mode="json") if isinstance(shown, BaseModel) else dict(shown)
    return dict(logs.redact(None, "", members))


def _differing(
    before: dict[str, Any] | None, after: dict[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    if before is None or after is None:
        return before, after
    absent = object()
    names = [name for name in {**before, **after} if before.get(name, absent) != after.get(name, absent)]
    return {n: before[n] for n in names if n in before}, {n: after[n] for n in names if n in after}
