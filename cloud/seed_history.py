"""Owns loading a made-up plant with its past, by the ways that real ones take: batches, settling, deriving.

What is not read by a gateway - machines, parts, shifts, who worked on what (`seed_orders`) - is made by the slices that
own it.
"""

import uuid
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from math import nan

from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import seed_orders, seed_plant, seed_work
from cloud.analytics.service import deriving
from cloud.changes import Operator
from cloud.db import Database
from cloud.errors import Conflict
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayCaller
from cloud.identity import service as identity
from cloud.machines import service as machines
from cloud.machines.schemas import MachineIn
from cloud.parts import service as parts
from cloud.parts.schemas import PartIn
from cloud.seed_plant import MachinePast, Plant
from cloud.shifts.schemas import PatternIn
from cloud.shifts.service import patterns as shifts
from cloud.telemetry import settling
from cloud.telemetry.intake import Intake
from shared.reading import Readings, ReadingType, Tag, from_rows
from shared.wire.batch import BatchId, encode

GATEWAY = "simulated"
_SECOND_US = 1_000_000
_STATE, _GOOD, _SCRAP = range(3)


async def prepare(session: AsyncSession, name: str, plant: Plant, now: datetime) -> GatewayCaller:
    """Make an organization with all that the plant has, and the gateway that will tell its past.

    Raises:
        Conflict: There is such an organization.
    """
    if any(each.name == name for each in await identity.organizations(session)):
        raise Conflict(f"There is an organization {name} already; choose another name for the made-up one.")
    organization_id = (await identity.create_organization(session, name)).id
    await identity.set_time_zone(session, name, seed_plant.ZONE.key)
    operator = Operator(organization_id)
    ids: dict[str, uuid.UUID] = {}
    for machine in plant.machines:
        given = MachineIn.model_validate(
            {
                "code": machine.code,
                "name": f"Simulated {machine.code}",
                "ideal_cycle_s": machine.cycle_s,
                "microstop_threshold_s": seed_plant.MICROSTOP_S,
            }
        )
        ids[machine.code] = (await machines.create(session, operator, given)).id
    for number, cycle_s in enumerate(plant.cycles):
        part = {
            "part_number": seed_work.product(number),
            "part_name": seed_work.product(number),
            "material_type": seed_work.MATERIALS[number % len(seed_work.MATERIALS)],
            "standard_cycle_time": cycle_s,
            "weight": (10 + number) / 1000,
        }
        await parts.create(session, operator, PartIn.model_validate(part))
    await shifts.create(session, operator, pattern(plant), now)
    await seed_orders.make(session, organization_id, plant, ids)
    created = await gateways.create(session, operator, GATEWAY)
    return GatewayCaller(created.id, organization_id, created.name)


def pattern(plant: Plant) -> PatternIn:
    """Return the plant's shifts as a pattern."""
    return PatternIn.model_validate(
        {
            "name": "three shifts",
            "time_zone": seed_plant.ZONE.key,
            "cycle_days": 1,
            "anchor": plant.begin.astimezone(seed_plant.ZONE).date(),
            "is_default": True,
            "shifts": [
                {
                    "name": name,
                    "start": f"{starts:02}:00",
                    "end": f"{ends:02}:00",
                    "breaks": [{"start": f"{(starts + 4) % 24:02}:00", "end": f"{(starts + 4) % 24:02}:30"}],
                }
                for name, starts, ends in seed_plant.SHIFTS
            ],
        }
    )


def batches(plant: Plant, gateway: GatewayCaller, epoch: uuid.UUID) -> Iterator[bytes]:
    """Return the batches in which a gateway tells the past, one a day."""
    tags = [tag for machine in plant.machines for tag in _tags(machine)]
    said = sorted(_said(plant), key=lambda row: (row[0] // 86400, row[1], row[0]))
    for seq, (_, rows) in enumerate(groupby(said, key=lambda row: row[0] // 86400), start=1):
        readings = _readings(plant, list(rows))
        sealed_us = int(readings.received.max())
        yield encode(BatchId(gateway.name, epoch, seq), sealed_us, tags, readings, ())


async def deliver(database: Database, gateway: GatewayCaller, told: Sequence[bytes], plant: Plant) -> None:
    """Take the batches in, in their order, and derive what they amount to."""
    end = plant.at(plant.seconds)
    intake = Intake(database, CollectorRegistry(), now=lambda: end)
    for body in told:
        await intake.receive(gateway, body)
    async with database.transaction() as session:
        # it is silent from now on: what is later than its past nobody knows
        await session.execute(
            text("UPDATE gateway SET last_seen = :end WHERE id = :id"), {"end": end, "id": gateway.gateway_id}
        )
    await settling.settle_all(database, end + timedelta(minutes=2))
    while await deriving.derive_next(database, end):
        pass


async def load(database: Database, name: str, days: int, seed: int, now: datetime) -> Plant:
    """Load a made-up plant with so many days of past, of which yesterday is the last.

    Raises:
        Conflict: There is such an organization.
    """
    yesterday: date = now.astimezone(seed_plant.ZONE).date() - timedelta(days=1)
    plant = seed_plant.plant(yesterday, days, seed)
    async with database.transaction() as session:
        gateway = await prepare(session, name, plant, now)
    await deliver(database, gateway, list(batches(plant, gateway, uuid.uuid4())), plant)
    return plant


def _tags(machine: MachinePast) -> tuple[Tag, Tag, Tag]:
    return (
        Tag(machine.code.lower(), "state", machine.code, ReadingType.STATE),
        Tag(machine.code.lower(), "good", machine.code, ReadingType.GOOD_COUNT),
        Tag(machine.code.lower(), "reject", machine.code, ReadingType.REJECT_COUNT),
    )


def _said(plant: Plant) -> Iterator[tuple[int, int, float | str]]:
    """Return second, tag and value of all that was said; counters begin at 0."""
    for number, machine in enumerate(plant.machines):
        first = 3 * number
        for at, state in seed_plant.state_changes(machine):
            yield at, first + _STATE, state.value
        good = scrap = 0
        yield from ((0, first + _GOOD, 0.0), (0, first + _SCRAP, 0.0))
        for lot in machine.lots:
            good, scrap = good + lot.good, scrap + lot.scrap
            yield lot.at, first + _GOOD, float(good)
            yield lot.at, first + _SCRAP, float(scrap)


def _readings(plant: Plant, rows: Sequence[tuple[int, int, float | str]]) -> Readings:
    begin_us = int(plant.begin.timestamp()) * _SECOND_US
    times = [begin_us + at * _SECOND_US for at, _, _ in rows]
    words = {index: value for index, (_, _, value) in enumerate(rows) if isinstance(value, str)}
    values = [nan if isinstance(value, str) else value for _, _, value in rows]
    return from_rows([tag for _, tag, _ in rows], times, times, values, text=words)
