"""Owns what somebody did while away: each intention is settled once, whatever becomes of the answers.

Each is tried in a savepoint of its own, and what became of it is written beside its effect, a refusal too: were it
judged anew when its answer was lost, the same day could end in two ways. Only trouble that passes (the database
away, a deadlock) settles nothing: the whole push fails and is sent again.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy import delete, func, insert, select, text, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import languages, validation
from cloud.db import translated
from cloud.errors import CloudError, Conflict, Invalid
from cloud.identity.schemas import Caller
from cloud.sync import messages
from cloud.sync.intentions import DEEDS
from cloud.sync.models import PushedOp
from cloud.sync.schemas import Intention, OpOutcome, PushOut, PushResult, Settled

# a phone that was in a drawer for a quarter of a year begins anew
_KEPT = timedelta(days=90)
_FORGOTTEN_AT_ONCE = 50
# one push of a user after the other, so that a repeat finds what the first one settled
_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('push ' || :user_id, 0))")


async def push(session: AsyncSession, caller: Caller, ops: list[Intention], now: datetime | None = None) -> PushOut:
    """Settle intentions in their order, and say what became of each.

    Raises:
        CloudError: Something that passes stands in the way of them all; nothing is settled.
    """
    now = now or datetime.now(UTC)
    await session.execute(_TURN, {"user_id": str(caller.user_id)})
    results = [await _settled(session, caller, op, now) for op in ops]
    await _forget_old(session)
    return PushOut(results=results)


async def _settled(session: AsyncSession, caller: Caller, op: Intention, now: datetime) -> PushResult:
    fingerprint = hashlib.sha256(orjson.dumps([op.op, op.at, op.args], option=orjson.OPT_SORT_KEYS)).digest()
    known = select(PushedOp).where(col(PushedOp.user_id) == caller.user_id, col(PushedOp.op_id) == op.op_id)
    earlier = (await session.scalars(known)).one_or_none()
    if earlier is not None and earlier.fingerprint != fingerprint:
        error = _told(Conflict(messages.OP_ID_REUSED, op_id=op.op_id))
        return PushResult(op_id=op.op_id, status=OpOutcome.REJECTED, outcome=Settled.REJECTED, error=error)
    if earlier is not None:
        outcome = Settled(earlier.outcome)
        return PushResult(
            op_id=op.op_id, status=OpOutcome.DUPLICATE, outcome=outcome, result=earlier.result, error=earlier.error
        )
    outcome, result, refusal = await _tried(session, caller, op, now)
    values = {"user_id": caller.user_id, "op_id": op.op_id, "fingerprint": fingerprint}
    await session.execute(insert(PushedOp).values(**values, outcome=outcome.value, result=result, error=refusal))
    return PushResult(op_id=op.op_id, status=OpOutcome(outcome.value), outcome=outcome, result=result, error=refusal)


async def _tried(
    session: AsyncSession, caller: Caller, op: Intention, now: datetime
) -> tuple[Settled, dict[str, Any] | None, dict[str, Any] | None]:
    try:
        async with session.begin_nested():
            return Settled.APPLIED, (await _done(session, caller, op, now)).model_dump(mode="json"), None
    except CloudError as error:
        refusal = error
    except DBAPIError as error:
        meaning = translated(error)
        if meaning is None:
            raise
        refusal = meaning
    if refusal.retryable or refusal.status >= 500:
        raise refusal
    return Settled.CONFLICT if isinstance(refusal, Conflict) else Settled.REJECTED, None, _told(refusal)


async def _done(session: AsyncSession, caller: Caller, op: Intention, now: datetime) -> BaseModel:
    deed = DEEDS.get(op.op)
    if deed is None:
        raise Invalid(messages.OP_UNKNOWN, op=op.op, known=sorted(DEEDS))
    try:
        args = deed.args.model_validate(op.args)
    except ValidationError as error:
        fields = [validation.field_error(each, languages.current()) for each in error.errors()]
        raise Invalid(f"{validation.sentence(fields)}.", errors=fields) from None
    # a phone's clock that is ahead must not make what it did later than now
    return await deed.do(session, caller, args, min(op.at or now, now))


def _told(error: CloudError) -> dict[str, Any]:
    language = languages.current()
    told: Mapping[str, Any] = {
        **error.members,
        "error_code": error.code,
        "title": error.kind(language),
        "detail": error.detail(language),
        "status": error.status,
    }
    # as JSON says it, for it is stored
    plain: dict[str, Any] = orjson.loads(orjson.dumps(told, default=str))
    return plain


async def _forget_old(session: AsyncSession) -> None:
    place = tuple_(col(PushedOp.user_id), col(PushedOp.op_id))
    old = (
        select(col(PushedOp.user_id), col(PushedOp.op_id))
        .where(col(PushedOp.settled_at) < func.now() - _KEPT)
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    await session.execute(delete(PushedOp).where(place.in_(old)))
