"""Owns what can be done with operators."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.changes import Actor, Entity
from cloud.errors import Conflict, Invalid
from cloud.identity import service as identity
from cloud.identity.schemas import Caller, Role
from cloud.operators import messages
from cloud.operators.models import OperatorRow
from cloud.operators.schemas import (
    OperatorIn,
    OperatorOut,
    OperatorPatch,
    OperatorReplacement,
    OperatorSort,
    OperatorStatus,
    ShiftPreference,
    SkillLevel,
)
from cloud.paging import Page, Paging
from cloud.preconditions import WHICHEVER, Seen
from cloud.register import Given, Register, Words, folded, holds_words
from cloud.values import Source

_WORDS = Words(messages.NOT_FOUND, messages.TAKEN, messages.IN_USE)
_OPERATORS = Register(OperatorRow, "emp_id", OperatorOut, Entity.OPERATOR, _WORDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which operators of a list are wanted, and in which order; None wants all."""

    skill_level: SkillLevel | None = None
    status: OperatorStatus | None = None
    shift_preference: ShiftPreference | None = None
    department: str | None = None
    supervisor_id: str | None = None
    text: str | None = None
    sort: OperatorSort = "emp_id"


async def operators(session: AsyncSession, caller: Caller, page: Paging, wanted: Wanted) -> Page[OperatorOut]:
    """Return a page of the organization's operators."""
    equal = (
        (OperatorRow.skill_level, wanted.skill_level),
        (OperatorRow.status, wanted.status),
        (OperatorRow.shift_preference, wanted.shift_preference),
        (OperatorRow.supervisor_id, wanted.supervisor_id),
    )
    conditions = [col(column) == value for column, value in equal if value is not None]
    if wanted.department is not None:
        conditions.append(folded(OperatorRow.department) == folded(wanted.department))
    conditions += holds_words(wanted.text, (OperatorRow.emp_id, OperatorRow.operator_name, OperatorRow.department))
    found = await _OPERATORS.page(session, caller.organization_id, page, conditions, wanted.sort)
    return found.model_copy(update={"items": [_seen_by(caller, each) for each in found.items]})


async def operator(session: AsyncSession, caller: Caller, emp_id: str) -> OperatorOut:
    """Return one operator.

    Raises:
        NotFound: There is none.
    """
    return _seen_by(caller, await _OPERATORS.one(session, caller.organization_id, emp_id))


async def create(session: AsyncSession, actor: Actor, given: OperatorIn) -> OperatorOut:
    """Add an operator.

    Raises:
        Conflict: The number is taken, or the user is another operator already.
        Invalid: There is no such supervisor or user.
    """
    await _check(session, actor, given.emp_id, given)
    return await _OPERATORS.create(session, actor, given)


async def change(
    session: AsyncSession,
    actor: Actor,
    emp_id: str,
    given: OperatorReplacement | OperatorPatch,
    seen: Seen = WHICHEVER,
) -> OperatorOut:
    """Change what is known of an operator.

    Raises:
        NotFound: There is none.
        PreconditionFailed: It is not as the caller saw it.
        Conflict: The user is another operator already.
        Invalid: There is no such supervisor or user.
    """
    await _OPERATORS.one(session, actor.organization_id, emp_id)
    await _check(session, actor, emp_id, given)
    return await _OPERATORS.change(session, actor, emp_id, given, seen)


async def delete(session: AsyncSession, actor: Actor, emp_id: str, seen: Seen = WHICHEVER) -> None:
    """Forget an operator whom nothing names.

    Raises:
        NotFound: There is none.
        Conflict: Something names this operator.
    """
    await _OPERATORS.delete(session, actor, emp_id, seen)


async def known(session: AsyncSession, organization_id: uuid.UUID, emp_ids: Collection[str]) -> set[str]:
    """Return which of these numbers are operators'."""
    return await _OPERATORS.known(session, organization_id, emp_ids)


async def ensure(session: AsyncSession, actor: Actor, names: Mapping[str, str]) -> set[str]:
    """Add those who are not there yet, by number and name, as imported; return whom it added."""
    rows = [{"emp_id": key, "operator_name": name, "source": Source.IMPORT.value} for key, name in names.items()]
    return await _OPERATORS.ensure(session, actor, rows)


async def users_of(session: AsyncSession, organization_id: uuid.UUID, emp_ids: Collection[str]) -> list[int]:
    """Return which users some operators are; one who is none is left out."""
    row = OperatorRow
    statement = select(col(row.user_id)).where(
        col(row.organization_id) == organization_id, col(row.emp_id).in_(emp_ids), col(row.user_id).is_not(None)
    )
    return [each for each in await session.scalars(statement) if each is not None]


async def of_users(session: AsyncSession, organization_id: uuid.UUID, user_ids: Collection[int]) -> dict[int, str]:
    """Return which operator each user is; a user who is none is left out."""
    if not user_ids:
        return {}
    row = OperatorRow
    statement = select(col(row.user_id), col(row.emp_id)).where(
        col(row.organization_id) == organization_id, col(row.user_id).in_(user_ids)
    )
    return {user_id: emp_id for user_id, emp_id in await session.execute(statement) if user_id is not None}


async def of_user(session: AsyncSession, caller: Caller) -> str | None:
    """Return the number of the operator who the caller is, or None."""
    mine = select(col(OperatorRow.emp_id)).where(
        col(OperatorRow.organization_id) == caller.organization_id, col(OperatorRow.user_id) == caller.user_id
    )
    found: str | None = await session.scalar(mine)
    return found


def _seen_by(caller: Caller, shown: OperatorOut) -> OperatorOut:
    # what somebody earns is nothing for colleagues
    return shown.model_copy(update={"hourly_rate": None}) if caller.role is Role.WORKER else shown


async def _check(session: AsyncSession, actor: Actor, emp_id: str, given: Given) -> None:
    values: Mapping[str, Any] = given.values()
    supervisor, user = values.get("supervisor_id"), values.get("user_id")
    if supervisor is not None:
        if supervisor == emp_id:
            raise Invalid(messages.OWN_SUPERVISOR, key=emp_id)
        if not await known(session, actor.organization_id, [supervisor]):
            raise Invalid(messages.SUPERVISOR_UNKNOWN, key=supervisor)
    if user is not None:
        if not await identity.known_ids(session, actor.organization_id, [user]):
            raise Invalid(messages.USER_UNKNOWN, user=user)
        others = select(col(OperatorRow.emp_id)).where(
            col(OperatorRow.organization_id) == actor.organization_id,
            col(OperatorRow.user_id) == user,
            col(OperatorRow.emp_id) != emp_id,
        )
        if await session.scalar(others) is not None:
            raise Conflict(messages.USER_TAKEN, user=user)
