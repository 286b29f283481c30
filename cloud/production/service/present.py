"""Owns what machines are doing now: what is derived of the present, by readings, rules, presets, people and files.

A person's or a file's word that holds now is taken from the states that are derived, seconds after it was said. What
readings say is read from the newest of them, as deriving does it, but without waiting for that: so a screen is as fresh
as its gateway, and says the same as the states a moment later.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import paging
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.paging import Page
from cloud.production import rules
from cloud.production.models import StateModel
from cloud.production.rules import Newest, Said, Verdict
from cloud.production.schemas import StateSource
from cloud.production.service import moments
from cloud.production.service.deriving import Sources, sources_by
from cloud.telemetry import service as telemetry
from cloud.telemetry.schemas import Doubt, MachineNews, MachineNowOut, MachineStatusOut, RuntimeStatus
from shared.reading import MachineState

# of each machine how its state is read, and what it does now as far as that is derived
_NOW = text("""
    SELECT wanted.id AS machine_id, model.preset, model.codes, model.rules, model.otherwise,
           did.state, did.source, did.from_at
    FROM unnest(CAST(:machines AS uuid[])) AS wanted (id)
    LEFT JOIN state_model AS model ON model.machine_id = wanted.id
    LEFT JOIN LATERAL (
        SELECT state, source, from_at, to_at FROM machine_state
        WHERE machine_id = wanted.id AND replaced_at IS NULL AND from_at <= :now ORDER BY from_at DESC LIMIT 1
    ) AS did ON did.to_at IS NULL OR did.to_at > :now
""")
_SAID = frozenset({StateSource.OPERATOR.value, StateSource.IMPORT.value})


@dataclass(frozen=True, slots=True)
class _Doing:
    """A verdict, and what it comes from: what is derived, and the newest readings."""

    verdict: Verdict
    derived: Any
    heard: list[telemetry.Heard]
    is_said: bool


@dataclass(slots=True)
class Known:
    """What a listener was told: of each tag its newest value's time, and of each machine what it does."""

    values: dict[int, datetime] = field(default_factory=dict)
    statuses: dict[uuid.UUID, RuntimeStatus] = field(default_factory=dict)


async def machines_now(
    session: AsyncSession,
    organization_id: uuid.UUID,
    wanted: paging.Paging,
    now: datetime,
    which: machines.Wanted | None = None,
) -> Page[MachineNowOut]:
    """Return a page of an organization's machines, with what they are doing."""
    page = await machines.machines(session, organization_id, wanted, which)
    doing = await _doing(session, [machine.id for machine in page.items], now)
    return Page(
        items=[_now(machine, doing[machine.id].verdict) for machine in page.items],
        next_cursor=page.next_cursor,
        total=page.total,
    )


async def machine_now(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, now: datetime
) -> MachineNowOut:
    """Return a machine with what it is doing.

    Raises:
        NotFound: The organization has no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    return _now(machine, (await _doing(session, [machine.id], now))[machine.id].verdict)


async def machine_status(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, now: datetime
) -> MachineStatusOut:
    """Return what a machine is doing, since when, and the newest value of each of its tags.

    Raises:
        NotFound: The organization has no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    doing = (await _doing(session, [machine.id], now))[machine.id]
    return MachineStatusOut(
        id=machine.id,
        code=machine.code,
        name=machine.name,
        status=machine.status,
        runtime_status=doing.verdict.status,
        unknown_because=doing.verdict.doubt,
        state=doing.verdict.state,
        since=None if doing.verdict.doubt else await _since(session, doing),
        values=await telemetry.values(session, machine.id, now),
    )


async def news(session: AsyncSession, organization_id: uuid.UUID, known: Known, now: datetime) -> list[MachineNews]:
    """Return what is new of an organization's machines since the last time it was asked for.

    Args:
        session: Its transaction.
        organization_id: Whose machines.
        known: What was told; brought up to date.
        now: UTC.
    """
    moved = await telemetry.moved(session, organization_id, known.values, now)
    doing = await _doing(session, await machines.ids(session, organization_id), now)
    statuses = {machine_id: each.verdict.status for machine_id, each in doing.items()}
    # one that nobody ever heard of is no news
    turned = {
        machine_id
        for machine_id, status in statuses.items()
        if known.statuses.get(machine_id, RuntimeStatus.UNKNOWN) is not status
    }
    known.statuses = statuses
    return [
        MachineNews(machine_id=machine_id, runtime_status=statuses[machine_id], values=moved.get(machine_id, []))
        for machine_id in sorted(moved.keys() | turned)
        if machine_id in statuses
    ]


async def _doing(session: AsyncSession, machine_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, _Doing]:
    rows = {row.machine_id: row for row in await session.execute(_NOW, {"machines": list(machine_ids), "now": now})}
    heard = await telemetry.heard(session, machine_ids, [each for each, row in rows.items() if row.rules])
    return {machine_id: _judged(rows[machine_id], heard[machine_id], now) for machine_id in machine_ids}


def _judged(row: Any, heard: list[telemetry.Heard], now: datetime) -> _Doing:
    if row.source in _SAID:
        state = MachineState(row.state)
        doubt = Doubt.NO_DATA if state is MachineState.NO_DATA else None
        return _Doing(Verdict(rules.STATUS_OF[state], state, doubt), row, heard, is_said=True)
    sources = _sources(row, heard)
    read = {tag.id for tag in sources.tags}
    newest = [_newest(each) for each in heard if each.source.id in read]
    verdict = rules.present(newest, sources.read, sources.meaning, moments.us(now))
    return _Doing(verdict, row, [each for each in heard if each.source.id in read], is_said=False)


def _sources(row: Any, heard: list[telemetry.Heard]) -> Sources:
    model = None
    if row.codes is not None:
        model = StateModel(
            machine_id=row.machine_id, preset=row.preset, codes=row.codes, rules=row.rules, otherwise=row.otherwise
        )
    return sources_by(model, [each.source for each in heard])


def _newest(heard: telemetry.Heard) -> Newest:
    said = Said(moments.us(heard.as_of), heard.source.id, heard.signal.value, heard.signal.quality)
    return Newest(said, None if heard.last_seen is None else moments.us(heard.last_seen))


async def _since(session: AsyncSession, doing: _Doing) -> datetime | None:
    """Return since when a machine does what it does: by its tag's own word, else as far as that is derived."""
    row = doing.derived
    if not doing.is_said and row.codes is None:
        speaking = max(doing.heard, key=lambda each: (each.as_of, each.source.id))
        return await telemetry.word_since(session, speaking.signal)
    since: datetime | None = row.from_at if row.state == doing.verdict.state else None
    return since


def _now(machine: MachineOut, verdict: Verdict) -> MachineNowOut:
    return MachineNowOut.model_validate(machine.__dict__ | {"runtime_status": verdict.status})
