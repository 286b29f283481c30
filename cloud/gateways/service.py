"""Owns what can be done with gateways, and the proof that one is asking."""

import secrets
import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import paging
from cloud.errors import Conflict, NotFound, Unauthenticated
from cloud.gateways import messages, tokens
from cloud.gateways.models import Gateway, GatewayEpoch
from cloud.gateways.schemas import AliveIn, GatewayCaller, GatewayCreated, GatewayOut
from cloud.paging import Page

# no gateway calls itself so
POSTED = "(posted)"
# a gateway sends several batches a second; who wants to know whether it lives asks in minutes
SEEN_EVERY = timedelta(seconds=10)


async def create(session: AsyncSession, organization_id: uuid.UUID, name: str) -> GatewayCreated:
    """Register a gateway and give it a token, or give a new one to a gateway whose token was revoked.

    Raises:
        Conflict: The organization has a gateway of this name, and its token is valid.
    """
    fresh = insert(Gateway).values(id=uuid.uuid4(), organization_id=organization_id, name=name, token_hash=b"")
    known = fresh.on_conflict_do_update(
        index_elements=["organization_id", "name"],
        set_={"revoked_at": None},
        where=col(Gateway.revoked_at).is_not(None),
    ).returning(Gateway)
    gateway = (await session.execute(known, execution_options={"populate_existing": True})).scalar_one_or_none()
    if gateway is None:
        raise Conflict(messages.NAME_TAKEN, gateway=name)
    claim = tokens.Claim(gateway.id, secrets.token_urlsafe(tokens.SECRET_BYTES))
    gateway.token_hash = claim.hash
    await session.flush()
    return GatewayCreated(**GatewayOut.model_validate(gateway).model_dump(), token=claim.token)


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


async def revoke(session: AsyncSession, organization_id: uuid.UUID, name: str) -> GatewayOut:
    """Make a gateway's token worthless from its next request on; its readings stay.

    Raises:
        NotFound: The organization has no gateway of this name.
    """
    statement = (
        update(Gateway)
        .where(col(Gateway.organization_id) == organization_id, col(Gateway.name) == name)
        .values(revoked_at=func.coalesce(Gateway.revoked_at, func.now()))
        .returning(Gateway)
    )
    row = (await session.execute(statement)).scalar_one_or_none()
    if row is None:
        raise _not_found(name)
    return GatewayOut.model_validate(row)


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
    if claim is None or row is None or not claim.is_proven_by(row.token_hash):
        raise Unauthenticated(messages.TOKEN_INVALID)
    if row.revoked_at is not None:
        raise Unauthenticated(messages.TOKEN_REVOKED, gateway=row.name)
    if row.last_seen is None or now - row.last_seen > SEEN_EVERY:
        row.last_seen = now
    return GatewayCaller(row.id, row.organization_id, row.name)


async def for_posted(session: AsyncSession, organization_id: uuid.UUID, now: datetime) -> GatewayCaller:
    """Return the gateway in whose name an organization's people and programs post readings; note that it was heard.

    It has no token, so nobody can speak as it, and is made when it is first needed.
    """
    known = insert(Gateway).values(organization_id=organization_id, name=POSTED, token_hash=b"", last_seen=now)
    is_stale = or_(col(Gateway.last_seen).is_(None), col(Gateway.last_seen) < now - SEEN_EVERY)
    await session.execute(
        known.on_conflict_do_update(index_elements=["organization_id", "name"], set_={"last_seen": now}, where=is_stale)
    )
    return GatewayCaller(await id_of(session, organization_id, POSTED), organization_id, POSTED)


async def note_alive(session: AsyncSession, gateway_id: uuid.UUID, told: AliveIn) -> None:
    """Remember what a gateway says of itself; what it leaves out stays as it was."""
    said = told.model_dump(exclude_none=True)
    if said:
        await session.execute(update(Gateway).where(col(Gateway.id) == gateway_id).values(said))


async def note_epoch(session: AsyncSession, gateway_id: uuid.UUID, epoch: uuid.UUID) -> bool:
    """Remember that a buffer spoke for a gateway; return whether it is new and another one did before.

    That is a gateway set up anew, restored from a snapshot, or cloned: its batches are never taken for
    repetitions of the other's.
    """
    fresh = insert(GatewayEpoch).values(gateway_id=gateway_id, epoch=epoch).on_conflict_do_nothing()
    if (await session.execute(fresh.returning(col(GatewayEpoch.epoch)))).one_or_none() is None:
        return False
    known = select(func.count()).select_from(GatewayEpoch).where(col(GatewayEpoch.gateway_id) == gateway_id)
    return (await session.scalar(known) or 0) > 1


async def _id_of(session: AsyncSession, organization_id: uuid.UUID, name: str) -> uuid.UUID | None:
    statement = select(col(Gateway.id)).where(
        col(Gateway.organization_id) == organization_id, col(Gateway.name) == name
    )
    found: uuid.UUID | None = await session.scalar(statement)
    return found


def _not_found(name: str) -> NotFound:
    return NotFound(messages.NOT_FOUND, gateway=name)
