"""Owns how readings come in that people and programs post: checked one by one, and stored all or not at all.

They go the way of a gateway's batch from `rows` on, in the name of a gateway that only exists for them, so lists,
latest values, statuses and rollups know no difference. What is posted twice is stored once, by a reading's key.
"""

import math
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.errors import Invalid
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayCaller
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.telemetry import days, dictionary, messages, physics, store
from cloud.telemetry.models import Tag as TagRow
from cloud.telemetry.partitions import Partitions
from cloud.telemetry.rows import arrange
from cloud.telemetry.schemas import PostedOut, QualityWord, ReadingIn
from shared.reading import Flag, Quality, Readings, ReadingType, Tag, from_rows

# a clock may be this much ahead of ours
AHEAD = timedelta(minutes=10)
_QUALITY = {QualityWord.GOOD: Quality.GOOD, QualityWord.UNCERTAIN: Quality.UNCERTAIN, QualityWord.BAD: Quality.BAD}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def post(
    session: AsyncSession,
    partitions: Partitions,
    organization_id: uuid.UUID,
    id_or_code: str,
    given: Sequence[ReadingIn],
    now: datetime,
) -> PostedOut:
    """Store readings of a machine.

    Raises:
        NotFound: The organization has no such machine.
        Conflict: It is decommissioned.
        Invalid: One is of the future, or its tag is of another type or unit.
    """
    machine = await machines.require_in_use(session, organization_id, id_or_code)
    _refuse_the_future(given, now)
    gateway = await gateways.for_posted(session, organization_id, now)
    tags = _tags(machine, given)
    await _refuse_other_units(session, gateway, machine, given)
    found = await dictionary.describe(session, gateway, tags, now)
    readings, beyond = _readings(machine, given, {tag.name: place for place, tag in enumerate(tags)}, now)
    await partitions.ensure(days.days_of(readings.ts))
    rows = arrange(readings, [found[tag.device, tag.name].id for tag in tags], _microseconds(now))
    repeated = await store.add_readings(session, gateway.gateway_id, rows)
    await store.advance_latest(session, rows)
    if repeated < len(rows):
        await store.touch(session, gateway.gateway_id, rows)
    return PostedOut(machine_id=machine.id, stored=len(rows) - repeated, repeated=repeated, out_of_range=beyond)


def _refuse_the_future(given: Sequence[ReadingIn], now: datetime) -> None:
    for index, reading in enumerate(given):
        if reading.timestamp is not None and reading.timestamp > now + AHEAD:
            raise Invalid(messages.FROM_THE_FUTURE, index=index, told=reading.timestamp, now=now)


def _tags(machine: MachineOut, given: Sequence[ReadingIn]) -> list[Tag]:
    # by the machine's id, which stays when its code changes
    told = {
        _name(reading): Tag(str(machine.id), _name(reading), machine.code, reading.reading_type, reading.unit or "")
        for reading in given
    }
    return list(told.values())


async def _refuse_other_units(
    session: AsyncSession, gateway: GatewayCaller, machine: MachineOut, given: Sequence[ReadingIn]
) -> None:
    """Hold every tag to one type and one unit, known before or told first."""
    rows = await session.scalars(
        select(TagRow).where(col(TagRow.gateway_id) == gateway.gateway_id, col(TagRow.device) == str(machine.id))
    )
    known = {row.name: (row.reading_type, row.unit) for row in rows}
    for index, reading in enumerate(given):
        said = (reading.reading_type.value, reading.unit or "")
        before = known.setdefault(_name(reading), said)
        if before != said:
            raise Invalid(
                messages.UNIT_DIFFERS,
                index=index,
                machine=machine.code,
                tag=_name(reading),
                known=_words(before),
                given=_words(said),
            )


def _readings(
    machine: MachineOut, given: Sequence[ReadingIn], places: dict[str, int], now: datetime
) -> tuple[Readings, list[int]]:
    received = _microseconds(now)
    beyond = [index for index, reading in enumerate(given) if _is_beyond(machine, reading)]
    flags = np.zeros(len(given), np.uint8)
    flags[beyond] = Flag.OUT_OF_RANGE
    readings = from_rows(
        [places[_name(reading)] for reading in given],
        [_microseconds(reading.timestamp or now) for reading in given],
        received,
        [reading.value if isinstance(reading.value, float) else math.nan for reading in given],
        [_QUALITY[reading.quality] for reading in given],
        flags.tolist(),
        text={index: reading.value for index, reading in enumerate(given) if isinstance(reading.value, str)},
    )
    return readings, beyond


def _is_beyond(machine: MachineOut, reading: ReadingIn) -> bool:
    limits = {ReadingType.SPEED: machine.max_spindle_speed, ReadingType.FEED_RATE: machine.max_feed_rate}
    limit = limits.get(reading.reading_type)
    if limit is None or not isinstance(reading.value, float):
        return False
    # a spindle turns both ways
    return abs(physics.in_first_unit(physics.KINDS[reading.reading_type], reading.value, reading.unit or "")) > limit


def _name(reading: ReadingIn) -> str:
    return reading.tag or reading.reading_type.value


def _words(said: tuple[str, str]) -> str:
    return " ".join(filter(None, said))


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
