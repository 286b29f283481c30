"""Owns the configurations that are set here for gateways: their versions, and what became of each at its gateway.

A gateway that is configured to be asks for the newest one when a sign of life tells it that there is another than it
has tried. It judges it by its own checks, tries it, goes back if fewer tags are good, and says what became of it.
"""

import uuid

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, paging
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import NotFound
from cloud.gateways import messages
from cloud.gateways.enrolment import named
from cloud.gateways.models import Configuration, Gateway
from cloud.gateways.schemas import ConfigurationIn, ConfigurationLine, ConfigurationOut, GatewayCaller, OutcomeIn
from cloud.paging import Page
from cloud.preconditions import Seen


async def set_next(
    session: AsyncSession, actor: Actor, id_or_name: str, given: ConfigurationIn, seen: Seen
) -> ConfigurationOut:
    """Set a gateway's next configuration.

    Raises:
        NotFound: The organization has no such gateway.
        PreconditionFailed: The caller went by another newest one than there is.
    """
    # its row is locked: of two at once the second one sees the first one's version
    gateway = await named(session, actor.organization_id, id_or_name, lock=True)
    before = await _newest(session, gateway.id)
    if before is not None:
        seen.require(ConfigurationOut.model_validate(before))
    following = (
        insert(Configuration)
        .values(
            gateway_id=gateway.id,
            version=before.version + 1 if before is not None else 1,
            document=given.document,
            note=given.note or "",
            set_by=actor.actor,
        )
        .returning(Configuration)
    )
    row = (await session.execute(following)).scalar_one()
    told = {"configuration_version": row.version, "note": row.note}
    await changes.record(session, actor, Entity.GATEWAY, gateway.id, ChangeKind.UPDATED, before={}, after=told)
    return ConfigurationOut.model_validate(row)


async def configurations(
    session: AsyncSession, organization_id: uuid.UUID, id_or_name: str, wanted: paging.Paging
) -> Page[ConfigurationLine]:
    """Return a page of the configurations that were set for a gateway, newest first.

    Raises:
        NotFound: The organization has no such gateway.
    """
    gateway = await named(session, organization_id, id_or_name)
    statement = select(Configuration).where(col(Configuration.gateway_id) == gateway.id)
    found = await paging.read(session, statement, [col(Configuration.version)], wanted, descending=True)
    return Page(
        items=[ConfigurationLine.model_validate(row[0]) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
    )


async def one(
    session: AsyncSession, organization_id: uuid.UUID, id_or_name: str, version: int | None
) -> ConfigurationOut:
    """Return a configuration that was set for a gateway, the newest one if no version is named.

    Raises:
        NotFound: The organization has no such gateway, or the gateway no such configuration.
    """
    gateway = await named(session, organization_id, id_or_name)
    return await _shown(session, gateway.id, gateway.name, version)


async def of_caller(session: AsyncSession, caller: GatewayCaller) -> ConfigurationOut:
    """Return the newest configuration of the gateway that asks.

    Raises:
        NotFound: None was set.
    """
    return await _shown(session, caller.gateway_id, caller.name, None)


async def note_outcome(session: AsyncSession, caller: GatewayCaller, told: OutcomeIn) -> None:
    """Remember what became of a configuration at its gateway.

    Raises:
        NotFound: It has no such configuration.
    """
    await _shown(session, caller.gateway_id, caller.name, told.version)
    became = {
        "configuration_version": told.version,
        "configuration_outcome": told.outcome.value,
        "configuration_detail": told.detail,
    }
    await session.execute(update(Gateway).where(col(Gateway.id) == caller.gateway_id).values(**became))
    kind = ChangeKind.UPDATED
    await changes.record(session, caller, Entity.GATEWAY, caller.gateway_id, kind, before={}, after=became)


async def newest_version(session: AsyncSession, gateway_id: uuid.UUID) -> int | None:
    """Return the version of a gateway's newest configuration, or None if none was set."""
    statement = select(func.max(col(Configuration.version))).where(col(Configuration.gateway_id) == gateway_id)
    found: int | None = await session.scalar(statement)
    return found


async def _shown(session: AsyncSession, gateway_id: uuid.UUID, name: str, version: int | None) -> ConfigurationOut:
    if version is None:
        row = await _newest(session, gateway_id)
    else:
        row = await session.get(Configuration, (gateway_id, version))
    if row is None:
        raise NotFound(messages.NO_CONFIGURATION, gateway=name)
    return ConfigurationOut.model_validate(row)


async def _newest(session: AsyncSession, gateway_id: uuid.UUID) -> Configuration | None:
    statement = select(Configuration).where(col(Configuration.gateway_id) == gateway_id)
    row: Configuration | None = await session.scalar(statement.order_by(col(Configuration.version).desc()).limit(1))
    return row
