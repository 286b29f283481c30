"""The dictionary: a tag is described once, by the newest batch that describes it."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from cloud.changes import Operator
from cloud.machines import service as machines
from cloud.machines.schemas import MachineIn
from cloud.telemetry.dictionary import Dictionary, describe
from shared.reading import ReadingType, Tag
from tests.integration.cloud.waiting import until_waiting

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
TEMP = Tag("press", "temp", "P-1", ReadingType.TEMPERATURE, "Cel")


class Described:
    """A dictionary of one process, its clock in hand."""

    def __init__(self, database: Any, caller: Any) -> None:
        self.now_s = 0.0
        self.database = database
        self.caller = caller
        self.dictionary = Dictionary(database, monotonic=lambda: self.now_s)

    async def ids(self, *tags: Tag, at: datetime = NOON) -> list[int]:
        return await self.dictionary.ids(self.caller, tags, at)

    async def row(self, tag_id: int) -> Any:
        async with self.database.transaction() as session:
            return (await session.execute(text("SELECT * FROM tag WHERE id = :id"), {"id": tag_id})).one()

    async def register(self, code: str) -> uuid.UUID:
        async with self.database.transaction() as session:
            machine = await machines.create(
                session, Operator(self.caller.organization_id), MachineIn(code=code, name=code)
            )
        return machine.id


@pytest.fixture
def described(gateway) -> Described:
    return Described(gateway.database, gateway.caller)


@pytest.fixture
def elsewhere(gateway) -> Described:
    """The dictionary of another process."""
    return Described(gateway.database, gateway.caller)


async def test_a_tag_is_made_from_its_description_and_keeps_its_id(described, elsewhere):
    machine_id = await described.register("P-1")
    [tag_id] = await described.ids(TEMP)
    row = await described.row(tag_id)
    assert (row.device, row.name, row.reading_type, row.unit) == ("press", "temp", "temperature", "Cel")
    assert (row.machine_code, row.machine_id) == ("P-1", machine_id)
    assert await described.ids(TEMP, TEMP) == [tag_id, tag_id]
    assert await elsewhere.ids(Tag("other", "temp"), TEMP) == [tag_id + 1, tag_id]


async def test_the_same_name_on_another_gateway_is_another_tag(described, new_gateway, tenant):
    other = await new_gateway(tenant.organization_id)
    assert await described.ids(TEMP) != await Described(other.database, other.caller).ids(TEMP)


async def test_a_newer_description_replaces_an_older_one_and_never_the_other_way_round(described, elsewhere):
    [tag_id] = await described.ids(TEMP, at=NOON)
    fahrenheit = Tag("press", "temp", "P-1", ReadingType.TEMPERATURE, "[degF]")
    assert await described.ids(fahrenheit, at=LATER) == [tag_id]
    assert (await described.row(tag_id)).unit == "[degF]"
    # the backlog of an hour ago, by way of this process and of another one
    assert await described.ids(TEMP, at=NOON) == await elsewhere.ids(TEMP, at=NOON) == [tag_id]
    assert (await described.row(tag_id)).unit == "[degF]"
    # the configuration is put back as it was
    assert await described.ids(TEMP, at=LATER + timedelta(minutes=1)) == [tag_id]
    assert (await described.row(tag_id)).unit == "Cel"


async def test_a_machine_registered_later_gets_the_tags_that_name_it(described):
    [tag_id] = await described.ids(TEMP)
    assert (await described.row(tag_id)).machine_id is None
    machine_id = await described.register("P-1")
    await described.ids(TEMP)
    assert (await described.row(tag_id)).machine_id is None
    described.now_s = 61
    assert await described.ids(TEMP) == [tag_id]
    assert (await described.row(tag_id)).machine_id == machine_id


async def test_a_tag_moves_to_another_machine_when_its_description_says_so(described):
    await described.register("P-1")
    second = await described.register("P-2")
    [tag_id] = await described.ids(TEMP)
    await described.ids(Tag("press", "temp", "P-2", ReadingType.TEMPERATURE, "Cel"), at=LATER)
    assert (await described.row(tag_id)).machine_id == second
    await described.ids(Tag("press", "temp", None, ReadingType.TEMPERATURE, "Cel"), at=LATER)
    assert (await described.row(tag_id)).machine_id is None


async def test_a_code_means_a_machine_of_the_gateways_own_organization(described, new_tenant, new_gateway):
    other = await new_gateway((await new_tenant()).organization_id)
    stranger = Described(other.database, other.caller)
    await described.register("P-1")
    [tag_id] = await stranger.ids(TEMP)
    assert (await stranger.row(tag_id)).machine_id is None


async def test_batches_that_bring_the_same_new_tags_at_once_agree_on_them(gateway):
    tags = [Tag("press", f"t{index}") for index in range(200)]
    processes = [Described(gateway.database, gateway.caller) for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(each.ids(*(tags if index % 2 else reversed(tags))))
            for index, each in enumerate(processes)
        ]
    answers = [task.result() if index % 2 else task.result()[::-1] for index, task in enumerate(asked)]
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0])) == 200
    assert await gateway.count("tag") == 200


async def test_tags_known_lately_cost_no_question(described):
    first = await described.ids(TEMP)
    await described.database.close()
    async with described.database.engine.connect():
        before = described.database.engine.pool.status()
        assert await described.ids(TEMP) == first
        assert described.database.engine.pool.status() == before


async def test_a_tag_described_anew_while_another_batch_asks_about_others_is_known_to_both(described, database):
    [tag_id] = await described.ids(TEMP)
    fresh, bar = Tag("press", "fresh"), Tag("press", "temp", "P-1", ReadingType.PRESSURE, "bar")
    async with asyncio.TaskGroup() as group, database.transaction() as elsewhere:
        await describe(elsewhere, described.caller, [fresh], NOON)
        asked = group.create_task(described.ids(TEMP, fresh))
        await until_waiting(database, 1)
        assert await described.ids(bar, at=LATER) == [tag_id]
    assert asked.result()[0] == tag_id


async def test_how_far_a_counter_counts_is_remembered_and_can_change(described):
    def counter(rollover):
        return Tag("press", "cycles", "P-1", ReadingType.GOOD_COUNT, rollover=rollover)

    [tag_id] = await described.ids(counter(None))
    assert (await described.row(tag_id)).rollover is None
    await described.ids(counter(2.0**32), at=LATER)
    assert (await described.row(tag_id)).rollover == 2.0**32
    assert await described.ids(counter(2.0**32), at=LATER) == [tag_id]
