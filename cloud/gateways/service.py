"""Owns what can be done with gateways, and the proof that one is asking."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, paging
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Conflict, NotFound, Unauthenticated
from cloud.gateways import configuration, enrolment, messages, tokens
from cloud.gateways.models import NO_TOKEN, POSTED, Gateway, GatewayEpoch
from cloud.gateways.schemas import AliveIn, GatewayCaller, GatewayCreated, GatewayOut
from cloud.paging import Page

# a gateway sends several batches a second; who wants to know whether it lives asks in minutes
SEEN_EVERY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Orders:
    """What a gateway is told when it gives a sign of life.

    Attributes:
        configuration: The newest version set for it, None if none is.
        is_to_rotate: It is to renew its token.
    """

    configuration: int | None
    is_to_rotate: bool


class Speaker(Enum):
    """Which of a gateway's buffers speaks."""

    KNOWN = "the newest one that spoke before"
    FIRST = "the first one ever"
    ANOTHER = "a new one after another"
    CONFLICTING = "an older one, after a newer one spoke"


async def create(session: AsyncSession, actor: Actor, name: str) -> GatewayCreated:
    """Register a gateway and give it a token, or give a new one to a gateway whose token was revoked.

    Raises:
        Conflict: The organization has a gateway of this name, and its token is valid; or nobody may have the name.
    """
    enrolment.refuse_reserved(name)
    fresh_id = uuid.uuid4()
    fresh = insert(Gateway).values(id=fresh_id, organization_id=actor.organization_id, name=name)
    known = fresh.on_conflict_do_update(
        index_elements=["organization_id", "name"],
        set_={"revoked_at": None, "next_token_hash": None, "rotation_asked_at": None},
        where=or_(col(Gateway.revoked_at).is_not(None), col(Gateway.token_hash).is_(None)),
    ).returning(Gateway)
    gateway = (await session.execute(known, execution_options={"populate_existing": True})).scalar_one_or_none()
    if gateway is None:
        raise Conflict(messages.NAME_TAKEN, gateway=name)
    claim = tokens.fresh(gateway.id)
    gateway.token_hash, gateway.token_issued_at = claim.hash, datetime.now(UTC)
    await session.flush()
    shown = GatewayOut.model_validate(gateway)
    if gateway.id == fresh_id:
        await changes.record(session, actor, Entity.GATEWAY, gateway.id, ChangeKind.CREATED, after=shown)
    else:
        told = {"renewed_at": gateway.token_issued_at.isoformat(), "revoked_at": None}
        await changes.record(session, actor, Entity.GATEWAY, gateway.id, ChangeKind.UPDATED, before={}, after=told)
    return GatewayCreated(**shown.model_dump(), token=claim.token)


async def gateways(session: AsyncSession, organization_id: uuid.UUID, wanted: paging.Paging) -> Page[GatewayOut]:
    """Return a page of an organization's gateways, by name."""
    statement = select(Gateway).where(col(Gateway.organization_id) == organization_id)
    found = await paging.read(session, statement, [col(Gateway.name)], wanted)
    return Page(
        items=[GatewayOut.model_validate(row[0]) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
    )


async def id_of(session: AsyncSession, organization_id: uuid.UUID, name: str) -> uuid.UUID:
    """Return the id of an organization's gateway.

    Raises:
        NotFound: The organization has no gateway of this name.
    """
    found = await _id_of(session, organization_id, name)
    if found is None:
        raise _not_found(name)
    return found


async def is_known(session: AsyncSession, organization_id: uuid.UUID, name: str) -> bool:
    """Return whether the organization has a gateway of this name, revoked or not."""
    return await _id_of(session, organization_id, name) is not None


async def by_ids(session: AsyncSession, gateway_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, GatewayOut]:
    """Return these gateways; one that does not exist is left out."""
    rows = await session.scalars(select(Gateway).where(col(Gateway.id).in_(gateway_ids)))
    return {row.id: GatewayOut.model_validate(row) for row in rows}


async def authenticate(session: AsyncSession, token: str, now: datetime | None = None) -> GatewayCaller:
    """Return the gateway whose token this is, and note that it was heard.

    The database is asked each time - one look-up by primary key before a batch of thousands of rows - so
    that a revoked token is worthless at once.

    Raises:
        Unauthenticated: Not a gateway's token, or revoked.
    """
    now = now or datetime.now(UTC)
    claim = tokens.read(token)
    row = None if claim is None else await session.get(Gateway, claim.gateway_id)
    if claim is not None and row is not None and claim.is_proven_by(row.next_token_hash):
        # looked at again with its row locked: a token that was given out meanwhile must not be overwritten
        await session.refresh(row, with_for_update=True)
    is_next = claim is not None and row is not None and claim.is_proven_by(row.next_token_hash)
    if claim is None or row is None or not (is_next or claim.is_proven_by(row.token_hash)):
        raise Unauthenticated(messages.TOKEN_INVALID)
    if row.revoked_at is not None:
        raise Unauthenticated(messages.TOKEN_REVOKED, gateway=row.name)
    if is_next:
        await enrolment.promote(session, row, now)
    if row.last_seen is None or now - row.last_seen > SEEN_EVERY:
        row.last_seen = now
    return GatewayCaller(row.id, row.organization_id, row.name)


async def for_posted(session: AsyncSession, organization_id: uuid.UUID, now: datetime) -> GatewayCaller:
    """Return the gateway in whose name an organization's people and programs post readings; note that it was heard.

    It has no token, so nobody can speak as it, and is made when it is first needed.
    """
    known = insert(Gateway).values(organization_id=organization_id, name=POSTED, token_hash=NO_TOKEN, last_seen=now)
    is_stale = or_(col(Gateway.last_seen).is_(None), col(Gateway.last_seen) < now - SEEN_EVERY)
    await session.execute(
        known.on_conflict_do_update(index_elements=["organization_id", "name"], set_={"last_seen": now}, where=is_stale)
    )
    return GatewayCaller(await id_of(session, organization_id, POSTED), organization_id, POSTED)


async def note_alive(session: AsyncSession, gateway_id: uuid.UUID, told: AliveIn, now: datetime) -> Orders:
    """Remember what a gateway says of itself, leaving what it leaves out as it was; return what it is to do."""
    said = told.model_dump(exclude_none=True, exclude={"sent_at"})
    if told.sent_at is not None:
        said["clock_skew_s"] = (told.sent_at - now).total_seconds()
    if told.waiting == 0:
        said["oldest_waiting_at"] = None
    gateway = await session.get_one(Gateway, gateway_id)
    for name, value in said.items():
        setattr(gateway, name, value)
    newest = await configuration.newest_version(session, gateway_id)
    return Orders(newest, gateway.rotation_asked_at is not None)


async def note_epoch(session: AsyncSession, gateway_id: uuid.UUID, epoch: uuid.UUID) -> Speaker:
    """Remember that a buffer speaks for a gateway, and judge what that means.

    A buffer never seen before is that of a gateway set up anew, or whose buffer was replaced. One that speaks after a
    newer one did is a clone's, or a restored snapshot's: that is an alarm for an admin. Either way its batches
    are never taken for repetitions of the other's.
    """
    gateway = await session.get_one(Gateway, gateway_id, with_for_update=True)
    if gateway.epoch == epoch:
        return Speaker.KNOWN
    fresh = insert(GatewayEpoch).values(gateway_id=gateway_id, epoch=epoch).on_conflict_do_nothing()
    if (await session.execute(fresh.returning(col(GatewayEpoch.epoch)))).one_or_none() is None:
        gateway.conflict_at = datetime.now(UTC)
        gateway.conflict = f"buffer {epoch} speaks after the newer buffer {gateway.epoch} did"
        return Speaker.CONFLICTING
    before, gateway.epoch = gateway.epoch, epoch
    return Speaker.FIRST if before is None else Speaker.ANOTHER


async def note_conflict(session: AsyncSession, gateway_id: uuid.UUID, how: str) -> None:
    """Raise the alarm that two machines speak in a gateway's name."""
    said = {"conflict_at": func.now(), "conflict": how}
    await session.execute(update(Gateway).where(col(Gateway.id) == gateway_id).values(**said))


async def _id_of(session: AsyncSession, organization_id: uuid.UUID, name: str) -> uuid.UUID | None:
    statement = select(col(Gateway.id)).where(
        col(Gateway.organization_id) == organization_id, col(Gateway.name) == name
    )
    found: uuid.UUID | None = await session.scalar(statement)
    return found


def _not_found(name: str) -> NotFound:
    return NotFound(messages.NOT_FOUND, gateway=name)
