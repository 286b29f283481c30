"""Owns which policy is meant by a name: those that come with the service, and a plant's own."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.analytics import messages
from cloud.analytics.models import PolicyRow
from cloud.analytics.schemas import PolicyIn, PolicyOut
from cloud.changes import Actor, ChangeKind, Entity
from cloud.errors import Conflict, NotFound
from cloud.kpi.policy import ISO22400, PRESETS, MissingQuality, Policy, UnknownTime


async def policies(session: AsyncSession, organization_id: uuid.UUID) -> list[PolicyOut]:
    """Return the policies that an organization may name."""
    rows = await _rows(session, organization_id)
    own = [PolicyOut(name=row.name, is_preset=False, is_default=row.is_default, **row.settings) for row in rows]
    has_default = any(each.is_default for each in own)
    presets = [
        PolicyOut(is_preset=True, is_default=policy is ISO22400 and not has_default, **asdict(policy))
        for policy in PRESETS.values()
    ]
    return [*presets, *own]


async def named(session: AsyncSession, organization_id: uuid.UUID, name: str | None) -> Policy:
    """Return a policy by its name; without one, the organization's default, else ISO 22400's.

    Raises:
        NotFound: There is none of this name.
    """
    if name is not None and name in PRESETS:
        return PRESETS[name]
    rows = await _rows(session, organization_id)
    found = next((row for row in rows if row.name == name or (name is None and row.is_default)), None)
    if found is not None:
        return as_kept(found.name, found.settings)
    if name is None:
        return ISO22400
    raise NotFound(messages.POLICY_NOT_FOUND, policy=name, valid_values=[*PRESETS, *(row.name for row in rows)])


def as_kept(name: str, kept: Mapping[str, Any]) -> Policy:
    """Return the policy of settings that `to_keep` gave, whatever its name decides by now."""
    settings = PolicyIn.model_validate(kept)
    words = settings.model_dump(exclude={"is_default", "unknown_time", "missing_quality"})
    unknown, missing = UnknownTime(settings.unknown_time), MissingQuality(settings.missing_quality)
    return Policy(name, unknown_time=unknown, missing_quality=missing, **words)


def to_keep(policy: Policy) -> dict[str, Any]:
    """Return what a policy decides, for who must read something by it later as he did today."""
    settings = asdict(policy)
    del settings["name"]
    return PolicyIn.model_validate(settings).model_dump(mode="json", exclude={"is_default"})


async def keep(session: AsyncSession, actor: Actor, name: str, given: PolicyIn) -> PolicyOut:
    """Make a policy, or say anew what it decides: figures of the past are read by it at once.

    Raises:
        Conflict: The name is one of those that come with the service.
    """
    if name in PRESETS:
        raise Conflict(messages.POLICY_PRESET, policy=name)
    if given.is_default:
        others = update(PolicyRow).where(col(PolicyRow.organization_id) == actor.organization_id)
        await session.execute(others.values(is_default=False))
    settings = given.model_dump(mode="json", exclude={"is_default"})
    row = insert(PolicyRow).values(
        organization_id=actor.organization_id, name=name, settings=settings, is_default=given.is_default
    )
    kept = {"settings": row.excluded.settings, "is_default": row.excluded.is_default}
    await session.execute(row.on_conflict_do_update(index_elements=["organization_id", "name"], set_=kept))
    shown = PolicyOut(name=name, is_preset=False, **given.model_dump())
    await changes.record(session, actor, Entity.OEE_POLICY, name, ChangeKind.UPDATED, after=shown)
    return shown


async def remove(session: AsyncSession, actor: Actor, name: str) -> None:
    """Remove a policy of the plant's own.

    Raises:
        NotFound: There is none of this name.
        Conflict: It is one of those that come with the service.
    """
    if name in PRESETS:
        raise Conflict(messages.POLICY_PRESET, policy=name)
    gone = delete(PolicyRow).where(col(PolicyRow.organization_id) == actor.organization_id, col(PolicyRow.name) == name)
    if (await session.execute(gone.returning(col(PolicyRow.name)))).one_or_none() is None:
        raise NotFound(messages.POLICY_NOT_FOUND, policy=name, valid_values=list(PRESETS))
    await changes.record(session, actor, Entity.OEE_POLICY, name, ChangeKind.DELETED)


async def _rows(session: AsyncSession, organization_id: uuid.UUID) -> list[PolicyRow]:
    statement = select(PolicyRow).where(col(PolicyRow.organization_id) == organization_id)
    return list(await session.scalars(statement.order_by(col(PolicyRow.name))))
