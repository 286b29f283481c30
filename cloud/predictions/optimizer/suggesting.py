"""Owns suggestions: made from what a machine has reached itself, decided once, and followed to what they brought."""

import asyncio
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, languages, paging
from cloud.analytics.service import policies
from cloud.changes import ChangeKind, Entity
from cloud.errors import Conflict, NotFound
from cloud.identity.schemas import Caller
from cloud.kpi.policy import Policy
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.paging import Page, Paging
from cloud.predictions.optimizer import advising, messages, observing
from cloud.predictions.optimizer.realising import FEWEST_DAYS, realised
from cloud.predictions.optimizer.realising import LEVEL as REALISED_LEVEL
from cloud.predictions.optimizer.schemas import (
    RealisedOut,
    SuggestIn,
    SuggestionOut,
    SuggestionsOut,
    SuggestionStatus,
)
from cloud.predictions.optimizer.stored import SuggestionRow
from cloud.predictions.optimizer.whatif import LEVEL
from cloud.predictions.schemas import BoundsOut

# half a point of OEE, surely: for less nobody changes how he works
WORTH = 0.005
_TOLD_ANEW = (
    "policy",
    "policy_settings",
    "from_at",
    "until_at",
    "reduction",
    "oee",
    "gain",
    "gain_lower",
    "gain_upper",
    "suggested_by",
    "suggested_at",
)


async def suggest(session: AsyncSession, who: Caller, asked: SuggestIn, now: datetime) -> SuggestionsOut:
    """Keep, as open suggestions, the losses of a machine of which less surely brings something; told anew if open.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is no range, or too long.
    """
    machine = await machines.resolve(session, who.organization_id, asked.machine_id)
    policy = await policies.named(session, who.organization_id, None)
    span = observing.window(asked.start, asked.end, now)
    days = await observing.days(session, who.organization_id, machine.id, span)
    found = await asyncio.to_thread(advising.found_in, days, policy)
    open_ones = await _open(session, machine)
    kept = []
    for gain in found.gains:
        if gain.lower < WORTH:
            continue
        values = {
            "organization_id": who.organization_id,
            "machine_id": machine.id,
            "bucket": gain.bucket.value,
            "policy": policy.name,
            "policy_settings": policies.to_keep(policy),
            "from_at": span[0],
            "until_at": span[1],
            "reduction": gain.reduction,
            "oee": gain.oee,
            "gain": gain.gain,
            "gain_lower": gain.lower,
            "gain_upper": gain.upper,
            "suggested_by": who.actor,
            "suggested_at": now,
        }
        row = insert(SuggestionRow).values(values)
        anew = row.on_conflict_do_update(
            index_elements=["machine_id", "bucket"],
            index_where=col(SuggestionRow.status) == SuggestionStatus.OPEN.value,
            set_={name: row.excluded[name] for name in _TOLD_ANEW},
        )
        told = await session.execute(anew.returning(SuggestionRow), execution_options={"populate_existing": True})
        shown = _out(told.scalar_one(), machine.code)
        before = open_ones.get(shown.id)
        kind = ChangeKind.CREATED if before is None else ChangeKind.UPDATED
        await changes.record(session, who, Entity.OEE_SUGGESTION, shown.id, kind, before=before, after=shown)
        kept.append(shown)
    return SuggestionsOut(suggestions=kept, detail=advising.lacking(machine.code, days, policy))


async def _open(session: AsyncSession, machine: MachineOut) -> dict[int, SuggestionOut]:
    mine = col(SuggestionRow.machine_id) == machine.id, col(SuggestionRow.status) == SuggestionStatus.OPEN.value
    rows = await session.scalars(select(SuggestionRow).where(*mine).with_for_update())
    shown = [_out(row, machine.code) for row in rows]
    return {each.id: each for each in shown}


async def suggestions(
    session: AsyncSession, who: Caller, machine: str | None, status: SuggestionStatus | None, page: Paging
) -> Page[SuggestionOut]:
    """Return a page of suggestions, newest first.

    Raises:
        NotFound: There is no such machine.
    """
    statement = select(SuggestionRow).where(col(SuggestionRow.organization_id) == who.organization_id)
    if machine is not None:
        known = await machines.resolve(session, who.organization_id, machine)
        statement = statement.where(col(SuggestionRow.machine_id) == known.id)
    if status is not None:
        statement = statement.where(col(SuggestionRow.status) == status.value)
    keys = [col(SuggestionRow.suggested_at), col(SuggestionRow.id)]
    found = await paging.read(session, statement, keys, page, descending=True)
    rows: list[SuggestionRow] = [row[0] for row in found.rows]
    codes = await machines.codes(session, who.organization_id, {row.machine_id for row in rows})
    items = [_out(row, codes[row.machine_id]) for row in rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def suggestion(session: AsyncSession, who: Caller, suggestion_id: int, now: datetime) -> SuggestionOut:
    """Return one, and of an accepted one what it has brought so far.

    Raises:
        NotFound: There is none.
    """
    shown = await _shown(session, who.organization_id, suggestion_id)
    if shown.status is not SuggestionStatus.ACCEPTED or shown.decided_at is None:
        return shown
    policy = await _policy(session, who.organization_id, shown)
    decided, lasted = shown.decided_at, shown.end - shown.start
    spans = (decided - lasted, decided), (decided, min(now, decided + lasted))
    before, after = [await observing.observed(session, who.organization_id, shown.machine_id, span) for span in spans]
    found = await asyncio.to_thread(realised, before, after, policy)
    if found is None:
        detail = messages.NOT_YET.said(languages.current(), {"needed": FEWEST_DAYS})
        return shown.with_realised(None, detail)
    out = RealisedOut(
        gain=found.gain,
        interval=BoundsOut(lower=found.lower, upper=found.upper, level=REALISED_LEVEL),
        days_before=found.days_before,
        days_after=found.days_after,
        compared=found.compared,
        policy=policy.name,
    )
    return shown.with_realised(out, None)


async def _policy(session: AsyncSession, organization_id: uuid.UUID, shown: SuggestionOut) -> Policy:
    """Return the policy by which a gain was expected, as it was then: what came is held against that."""
    kept = await session.scalar(select(col(SuggestionRow.policy_settings)).where(col(SuggestionRow.id) == shown.id))
    if kept is not None:
        return policies.as_kept(shown.policy, kept)
    try:
        return await policies.named(session, organization_id, shown.policy)
    except NotFound:
        return await policies.named(session, organization_id, None)


async def decide(
    session: AsyncSession, who: Caller, suggestion_id: int, status: SuggestionStatus, now: datetime
) -> SuggestionOut:
    """Accept or decline an open suggestion.

    Raises:
        NotFound: There is none.
        Conflict: It is decided already.
    """
    before = await _shown(session, who.organization_id, suggestion_id)
    decided = (
        update(SuggestionRow)
        .where(col(SuggestionRow.id) == suggestion_id, col(SuggestionRow.status) == SuggestionStatus.OPEN.value)
        .values(status=status.value, decided_by=who.actor, decided_at=now)
    )
    done = (await session.execute(decided.returning(col(SuggestionRow.id)))).one_or_none()
    after = await _shown(session, who.organization_id, suggestion_id)
    if done is None:
        current = after.status.value
        raise Conflict(messages.SUGGESTION_DECIDED, suggestion=suggestion_id, current_status=current, allowed=[])
    await changes.record(
        session, who, Entity.OEE_SUGGESTION, suggestion_id, ChangeKind.UPDATED, before=before, after=after
    )
    return after


async def _shown(session: AsyncSession, organization_id: uuid.UUID, suggestion_id: int) -> SuggestionOut:
    statement = (
        select(SuggestionRow)
        .where(col(SuggestionRow.organization_id) == organization_id, col(SuggestionRow.id) == suggestion_id)
        .execution_options(populate_existing=True)
    )
    row = await session.scalar(statement)
    if row is None:
        raise NotFound(messages.SUGGESTION_NOT_FOUND, suggestion=suggestion_id)
    codes = await machines.codes(session, organization_id, [row.machine_id])
    return _out(row, codes[row.machine_id])


def _out(row: SuggestionRow, machine: str) -> SuggestionOut:
    values: dict[str, Any] = {
        "id": row.id,
        "machine_id": row.machine_id,
        "machine": machine,
        "bucket": row.bucket,
        "status": row.status,
        "policy": row.policy,
        "start": row.from_at,
        "end": row.until_at,
        "reduction": row.reduction,
        "oee": row.oee,
        "expected_gain": row.gain,
        "expected_interval": BoundsOut(lower=row.gain_lower, upper=row.gain_upper, level=LEVEL),
        "suggested_by": row.suggested_by,
        "suggested_at": row.suggested_at,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "realised": None,
        "detail": None,
    }
    return SuggestionOut.model_validate(values)
