"""Owns how a gateway comes to its token, renews it, and loses it.

An admin gets a code, good once and for a quarter of an hour; the gateway trades it for its token. To renew that, it
asks for the next one, writes it down, and uses it: with the first use the next one takes the old one's place. Until
then both are good, so that neither a lost answer nor a crash between the two leaves it without a token.
"""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Conflict, NotFound, Unauthenticated
from cloud.gateways import messages, tokens
from cloud.gateways.models import POSTED, Enrolment, Gateway
from cloud.gateways.schemas import EnrolmentOut, GatewayCaller, GatewayOut, GatewayTokenOut

VALID_FOR = timedelta(minutes=15)


async def offer(session: AsyncSession, actor: Actor, name: str, now: datetime) -> EnrolmentOut:
    """Return a code for a gateway, which is registered if it is not known yet; codes given out before are void.

    The gateway's present token stays good until the code is used.

    Raises:
        Conflict: It is the one in whose name people post readings.
    """
    refuse_reserved(name)
    fresh = insert(Gateway).values(id=uuid.uuid4(), organization_id=actor.organization_id, name=name)
    made = await session.scalar(fresh.on_conflict_do_nothing().returning(col(Gateway.id)))
    gateway = await named(session, actor.organization_id, name, lock=True)
    if made is not None:
        shown = GatewayOut.model_validate(gateway)
        await changes.record(session, actor, Entity.GATEWAY, gateway.id, ChangeKind.CREATED, after=shown)
    await _void_codes(session, gateway.id)
    code = tokens.fresh_code()
    expires_at = now + VALID_FOR
    session.add(Enrolment(code_hash=tokens.code_hash(code), gateway_id=gateway.id, expires_at=expires_at))
    told = {"enrolment_expires_at": expires_at.isoformat()}
    await changes.record(session, actor, Entity.GATEWAY, gateway.id, ChangeKind.UPDATED, before={}, after=told)
    return EnrolmentOut(gateway=name, code=code, expires_at=expires_at)


async def enrol(session: AsyncSession, code: str, now: datetime) -> GatewayTokenOut:
    """Trade a code for a token; tokens that the gateway had before are worthless from now on.

    Guesses are not counted: in a quarter of an hour a million a second find one of 2^100 codes once in 10^21 times.

    Raises:
        Unauthenticated: It was never given out, is used, or too old: the same answer.
    """
    is_it = col(Enrolment.code_hash) == tokens.code_hash(code)
    offered = await session.scalar(select(Enrolment).where(is_it))
    if offered is None:
        raise _code_invalid()
    # the gateway first and its codes then, as whoever gives out or voids one does: in the other order the two block
    # each other
    gateway = await session.get_one(Gateway, offered.gateway_id, with_for_update=True)
    use = update(Enrolment).where(is_it, col(Enrolment.used_at).is_(None), col(Enrolment.expires_at) > now)
    if await session.scalar(use.values(used_at=now).returning(col(Enrolment.gateway_id))) is None:
        raise _code_invalid()
    claim = tokens.fresh(gateway.id)
    gateway.token_hash, gateway.next_token_hash = claim.hash, None
    gateway.token_issued_at, gateway.rotation_asked_at, gateway.revoked_at = now, None, None
    await _tell(session, gateway, {"enrolled_at": now.isoformat()})
    return GatewayTokenOut(gateway=gateway.name, token=claim.token)


async def rotate(session: AsyncSession, caller: GatewayCaller, now: datetime) -> GatewayTokenOut:
    """Give a gateway its next token; one given out before and never used is forgotten."""
    gateway = await session.get_one(Gateway, caller.gateway_id, with_for_update=True)
    claim = tokens.fresh(gateway.id)
    gateway.next_token_hash = claim.hash
    await _tell(session, gateway, {"next_given_at": now.isoformat()})
    return GatewayTokenOut(gateway=gateway.name, token=claim.token)


async def promote(session: AsyncSession, gateway: Gateway, now: datetime) -> None:
    """Put the next token, which was just used, in the present one's place."""
    gateway.token_hash, gateway.next_token_hash = gateway.next_token_hash, None
    gateway.token_issued_at, gateway.rotation_asked_at = now, None
    await _tell(session, gateway, {"renewed_at": now.isoformat()})


async def ask_rotation(session: AsyncSession, actor: Actor, id_or_name: str) -> GatewayOut:
    """Have a gateway renew its token; it is told with its next sign of life.

    Raises:
        NotFound: The organization has no such gateway.
        Conflict: It is the one in whose name people post readings.
    """
    gateway = await named(session, actor.organization_id, id_or_name, lock=True)
    refuse_reserved(gateway.name)
    return await _changed(session, actor, gateway, {"rotation_asked_at": func.now()})


async def revoke(session: AsyncSession, actor: Actor, id_or_name: str) -> GatewayOut:
    """Make a gateway's tokens worthless from its next request on, and codes not used yet; its readings stay.

    Raises:
        NotFound: The organization has no such gateway.
        Conflict: It is the one in whose name people post readings.
    """
    gateway = await named(session, actor.organization_id, id_or_name, lock=True)
    refuse_reserved(gateway.name)
    await _void_codes(session, gateway.id)
    if gateway.revoked_at is not None:
        return GatewayOut.model_validate(gateway)
    return await _changed(session, actor, gateway, {"revoked_at": func.now(), "next_token_hash": None})


async def settle_conflict(session: AsyncSession, actor: Actor, id_or_name: str) -> GatewayOut:
    """Take back the alarm that two machines speak in a gateway's name; it comes again if they still do.

    Raises:
        NotFound: The organization has no such gateway.
    """
    gateway = await named(session, actor.organization_id, id_or_name, lock=True)
    return await _changed(session, actor, gateway, {"conflict_at": None, "conflict": None})


async def named(session: AsyncSession, organization_id: uuid.UUID, id_or_name: str, *, lock: bool = False) -> Gateway:
    """Return an organization's gateway, by its id or its name; locked, if that is wanted, until the transaction ends.

    Raises:
        NotFound: There is none, or it is another organization's: the same answer.
    """
    statement = select(Gateway).where(col(Gateway.organization_id) == organization_id)
    if lock:
        statement = statement.with_for_update()
    row = await session.scalar(statement.where(col(Gateway.name) == id_or_name))
    if row is None and (gateway_id := _uuid(id_or_name)) is not None:
        row = await session.scalar(statement.where(col(Gateway.id) == gateway_id))
    if row is None:
        raise NotFound(messages.NOT_FOUND, gateway=id_or_name)
    return row


def refuse_reserved(name: str) -> None:
    """Refuse what only a gateway with a token can be asked.

    Raises:
        Conflict: It is the one in whose name people post readings.
    """
    if name == POSTED:
        raise Conflict(messages.NAME_RESERVED, gateway=name)


def _code_invalid() -> Unauthenticated:
    return Unauthenticated(messages.CODE_INVALID, code="ENROLMENT_CODE_INVALID")


async def _void_codes(session: AsyncSession, gateway_id: uuid.UUID) -> None:
    unused = update(Enrolment).where(col(Enrolment.gateway_id) == gateway_id, col(Enrolment.used_at).is_(None))
    await session.execute(unused.values(used_at=func.now()))


async def _changed(session: AsyncSession, actor: Actor, gateway: Gateway, values: dict[str, object]) -> GatewayOut:
    before = GatewayOut.model_validate(gateway)
    await session.execute(update(Gateway).where(col(Gateway.id) == gateway.id).values(**values))
    await session.refresh(gateway)
    after = GatewayOut.model_validate(gateway)
    kind = ChangeKind.UPDATED
    await changes.record(session, actor, Entity.GATEWAY, gateway.id, kind, before=before, after=after)
    return after


async def _tell(session: AsyncSession, gateway: Gateway, what: dict[str, object]) -> None:
    who = GatewayCaller(gateway.id, gateway.organization_id, gateway.name)
    await changes.record(session, who, Entity.GATEWAY, gateway.id, ChangeKind.UPDATED, before={}, after=what)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
