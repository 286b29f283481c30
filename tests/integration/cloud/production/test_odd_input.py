"""Counters and states that tell what cannot be, or at odd times: figures stay right, and nobody else suffers."""

import asyncio
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from cloud import marks
from cloud.analytics.service.deriving import derive
from cloud.changes import Operator
from cloud.errors import Conflict
from cloud.kpi.spans import HOUR, Span
from cloud.machines import service as registered
from cloud.production.schemas import ReasonIn
from cloud.production.service import reasons
from cloud.production.service.portions import portions
from shared.reading import Gap, GapCause, Quality, concatenate, empty
from tests.integration.cloud.predictions.plants import statements
from tests.integration.cloud.production.test_deriving import (
    GOOD,
    LATER,
    MINUTE,
    OWN,
    REJECT,
    SHOTS,
    STATE,
    TAGS,
    ask,
    counted,
    derived,
    facts,
    machines,
    says,
    states,
    utc,
)
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import NOON
from tests.integration.cloud.waiting import until_waiting

__all__ = ["ask", "gateway", "machines", "new_gateway"]


@pytest.mark.parametrize("garbage", [1.7e308, 9.0e11, -1e30], ids=str)
async def test_a_counter_that_tells_garbage_holds_up_nobody(gateway, garbage):
    said = [
        says(GOOD, (0, 100), (1, garbage), (2, 110), (3, garbage), (4, 111)),
        says(SHOTS, (0, 10), (2, 13)),
        says(STATE, (0, "producing"), (30, "idle")),
    ]
    await gateway.send(concatenate(said), tags=TAGS)
    await derived(gateway)
    assert (await counted(gateway))["P-2", "made"] == 12
    assert len(await gateway.query(f"SELECT bucket FROM fact_hour WHERE {OWN}")) == 6
    if garbage != 9.0e11:
        # what no counter can show is passed over, as a bad reading is
        assert (await counted(gateway))["P-1", "good"] == 11


async def test_a_late_sample_before_a_bad_one_splits_the_count(gateway):
    await gateway.send(says(GOOD, (0, 100), (40, 120)), tags=TAGS)
    await gateway.send(says(GOOD, (20, math.nan), quality=Quality.BAD), tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "good"): 20}
    await gateway.send(says(GOOD, (10, 110)), tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "good"): 20}


@pytest.mark.parametrize("turned", [False, True])
async def test_two_samples_of_one_instant_count_the_same_in_whatever_order_they_come(gateway, turned):
    first, second = says(GOOD, (0, 1000), (5, 1001)), says(GOOD, (5, 1000), (9, 1003))
    for each in (second, first) if turned else (first, second):
        await gateway.send(each, tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "good"): 3}


async def test_a_counter_beyond_its_declared_end_counts_nothing_back(gateway):
    await gateway.send(says(REJECT, (0, 2000), (5, 3)), tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "scrap"): 3}


async def test_a_gap_that_turns_out_shorter_gives_back_what_it_hid(gateway):
    hole = Gap(GapCause.COMMUNICATION_LOST, NOON + 10 * MINUTE, NOON + 11 * MINUTE, "press", id=uuid4(), is_open=True)
    await gateway.send(says(STATE, (0, "producing")), tags=TAGS)
    await gateway.send(empty(), [hole], tags=TAGS)
    await derived(gateway)
    await gateway.send(says(STATE, (30, "idle"), (50, "producing")), tags=TAGS)
    await derived(gateway)
    assert (await states(gateway))[-1] == ("no_data", 10, None)
    await gateway.send(empty(), [replace(hole, revision=2, to_us=NOON + 12 * MINUTE, is_open=False)], tags=TAGS)
    await derived(gateway)
    assert await states(gateway) == [
        ("producing", 0, 10),
        ("no_data", 10, 12),
        ("producing", 12, 30),
        ("idle", 30, 50),
        ("producing", 50, None),
    ]


async def test_a_reading_of_the_future_vouches_for_nothing_before_it(gateway):
    await gateway.send(says(STATE, (0, "producing")), tags=TAGS)
    await gateway.send(says(STATE, (600, "idle")), tags=TAGS)
    await gateway.query(
        "UPDATE gateway SET last_seen = :at WHERE id = :gateway RETURNING 1", at=utc(NOON + 20 * MINUTE)
    )
    await derived(gateway, utc(NOON + 60 * MINUTE))
    [row] = await gateway.query(f"SELECT run_unassigned_us, unknown_us FROM fact_hour WHERE {OWN}")
    assert tuple(each // MINUTE for each in row) == (20, 40)


async def test_a_long_time_is_derived_in_portions_and_comes_to_the_same(gateway, machines, tenant):
    said = [
        says(STATE, *[(4 * each, "producing" if each % 3 else "idle") for each in range(85)]),
        says(GOOD, *[(each / 2, 100 + each) for each in range(700)]),
    ]
    await gateway.send(concatenate(said), tags=TAGS)
    await derived(gateway)
    whole = await states(gateway), await counted(gateway), await facts(gateway)
    assert len(whole[0]) > 20
    wanted = Span(NOON - HOUR, NOON + 7 * HOUR)
    async with gateway.database.transaction() as session:
        parts = await portions(session, UUID(machines["P-1"]), wanted, at_most=200)
        assert len(parts) > 3
        assert (parts[0].start, parts[-1].end) == (wanted.start, wanted.end)
        assert [one.end for one in parts[:-1]] == [two.start for two in parts[1:]]
        # a short one is never cut, and one in which little was said is not cut either
        assert await portions(session, UUID(machines["P-1"]), parts[1], at_most=1) == [parts[1]]
        assert await portions(session, UUID(machines["P-2"]), wanted, at_most=200) == [wanted]
        await session.execute(text("DELETE FROM piece_count WHERE machine_id = :it"), {"it": machines["P-1"]})
        await session.execute(text("DELETE FROM machine_state WHERE machine_id = :it"), {"it": machines["P-1"]})
        machine = await registered.resolve(session, tenant.organization_id, "P-1")
        for part in parts:
            await derive(session, tenant.organization_id, machine, part, LATER)
    assert (await states(gateway), await counted(gateway), await facts(gateway)) == whole


async def test_of_what_is_marked_a_long_time_is_taken_portion_by_portion_by_states_too(gateway, machines):
    await gateway.send(
        says(STATE, *[(30 * each, "producing" if each % 2 else "idle") for each in range(12)]), tags=TAGS
    )
    await derived(gateway)
    whole = await states(gateway), await facts(gateway)
    assert len(whole[0]) == 12
    # as if it had said far more in each hour than is taken at a time
    async with gateway.database.transaction() as session:
        more = f"UPDATE rollup_hour SET good = 150000 WHERE tag_id IN (SELECT id FROM tag WHERE {OWN})"
        await session.execute(text(more), {"gateway": gateway.caller.gateway_id})
        await marks.put(session, UUID(machines["P-1"]), utc(NOON - HOUR), utc(NOON + 7 * HOUR))
    with statements(gateway.database.engine.sync_engine) as said:
        await derived(gateway)
    assert sum("INTO derived" in statement for statement, _ in said) > 3
    assert (await states(gateway), await facts(gateway)) == whole


async def test_what_is_said_with_an_end_is_laid_over_what_goes_on_however_often_it_is_derived(gateway, ask, machines):
    now = datetime.now(UTC)
    at = {minute: now - timedelta(minutes=minute) for minute in (60, 30, 20, 10)}
    await ask("POST", "/machines/P-1/states", {"from": at[30].isoformat(), "state": "producing"}, status=201)
    await derived(gateway, now)
    span = {"from": at[20].isoformat(), "to": at[10].isoformat()}
    await ask("POST", "/machines/P-1/states", span | {"state": "setup"}, status=201)
    for _ in range(2):
        await derived(gateway, now)
        found = await gateway.query(
            f"SELECT state, from_at, to_at FROM machine_state WHERE {OWN} AND replaced_at IS NULL ORDER BY from_at"
        )
        assert [tuple(row) for row in found] == [
            ("producing", at[30], at[20]),
            ("setup", at[20], at[10]),
            ("producing", at[10], None),
        ]
        async with gateway.database.transaction() as session:
            await marks.put(session, UUID(machines["P-1"]), at[60], now)


async def test_two_reasons_that_are_put_below_each_other_at_once_make_no_circle(gateway, ask, tenant):
    made = [
        await ask("POST", "/reasons", {"code": code, "label_en": code, "label_tr": code}, status=201)
        for code in ("jam", "wear")
    ]
    ids = [each["id"] for each in made]
    actor = Operator(tenant.organization_id)
    below = [
        ReasonIn(code=code, label_en=code, label_tr=code, parent_id=up)
        for code, up in zip("ab", ids[::-1], strict=False)
    ]

    async def second() -> None:
        async with gateway.database.transaction() as session:
            await reasons.replace(session, actor, ids[1], below[1])

    async with asyncio.TaskGroup() as group, gateway.database.transaction() as session:
        await reasons.replace(session, actor, ids[0], below[0])
        other = group.create_task(second_refused(second))
        await until_waiting(gateway.database, 1)
    assert other.result() == "REASON_CIRCLE"


async def second_refused(work) -> str:
    with pytest.raises(Conflict) as caught:
        await work()
    return caught.value.code


async def test_a_clock_that_was_never_set_says_nothing_of_what_a_machine_did_since(gateway):
    await gateway.send(concatenate([says(STATE, (0, "producing")), says(GOOD, (0, 100), (9, 104))]), tags=TAGS)
    unset = -NOON / MINUTE
    never_set = [says(STATE, (unset + 1, "idle")), says(GOOD, (unset + 1, 7))]
    await gateway.send(concatenate(never_set), tags=TAGS)
    await derived(gateway)
    assert await states(gateway) == [("producing", 0, None)]
    assert await counted(gateway) == {("P-1", "good"): 4}
    assert len(await gateway.query(f"SELECT bucket FROM fact_hour WHERE {OWN}")) == 6
    assert len(await gateway.stored()) == 5
