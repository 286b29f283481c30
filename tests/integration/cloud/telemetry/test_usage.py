"""How much a machine was used, from readings in any order, across nights, resets and holes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cloud.changes import Operator
from cloud.machines import service as machines
from cloud.machines.schemas import MachineIn
from cloud.telemetry import usage
from cloud.telemetry.settling import settle_all
from shared.reading import Gap, GapCause, ReadingType, Tag, concatenate
from tests.integration.cloud.telemetry.sender import rows, states

TAGS = (
    Tag("press", "temp", "P-1", ReadingType.TEMPERATURE, "Cel"),
    Tag("press", "mode", "P-1", ReadingType.STATE),
    Tag("press", "shots", "P-1", ReadingType.SHOT_COUNT, rollover=1000.0),
    Tag("press", "meter", "P-1", ReadingType.ENERGY, "W.h"),
)
SHOTS, METER = 2, 3
ISTANBUL = "Europe/Istanbul"
DAY = date(2026, 11, 18)
HOUR = timedelta(hours=1)


def us(hour: float, day: date = DAY) -> int:
    """Microseconds of an hour of a day in Istanbul, which is three hours ahead."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour - 3)
    return int(at.timestamp() * 1_000_000)


@pytest.fixture
async def press(gateway, tenant):
    async with gateway.database.transaction() as session:
        return await machines.create(session, Operator(tenant.organization_id), MachineIn(code="P-1", name="Press"))


@pytest.fixture
def send(gateway):
    async def sending(*blocks, gaps=()):
        await gateway.send(concatenate(list(blocks)), gaps, tags=TAGS)

    return sending


@pytest.fixture
def used(gateway, press):
    async def asking(first: date = DAY, last: date = DAY, zone: str = ISTANBUL) -> list[usage.Used]:
        now = datetime.now(UTC)
        await settle_all(gateway.database, now + HOUR)
        async with gateway.database.transaction() as session:
            return list((await usage.by_day(session, press.id, first, last, zone, now)).values())

    return asking


def shots(*values: float, hour: float, day: date = DAY, every_s: int = 600):
    return rows(*values, tag=SHOTS, ts=us(hour, day), step=every_s * 1_000_000)


async def test_a_machine_without_meters_tells_nothing(used):
    assert await used() == [usage.Used()]


async def test_running_time_is_cut_at_the_sites_midnight(send, used):
    await send(
        states("producing", ts=us(22)),
        states("idle", ts=us(26)),
        states("producing_slow", ts=us(30)),
        states("off", ts=us(31.5)),
    )
    first, second = await used(DAY, DAY + timedelta(days=1))
    assert (first.running_s, second.running_s) == (2 * 3600, 2 * 3600 + 1.5 * 3600)
    # the state was known from its first word to midnight, and all the next day, for its gateway was heard since
    assert (first.known_s, second.known_s) == (2 * 3600, 24 * 3600)


async def test_a_state_of_last_week_still_holds(send, used):
    await send(states("producing", ts=us(10, DAY - timedelta(days=6))))
    assert (await used())[0].running_s == 24 * 3600


async def test_a_bad_state_and_a_hole_are_not_running(send, used):
    hole = Gap(GapCause.COMMUNICATION_LOST, us(12), us(13), "press")
    await send(
        states("producing", ts=us(10)),
        states("producing", ts=us(14), quality=2),
        states("idle", ts=us(15)),
        gaps=[hole],
    )
    (day,) = await used()
    assert day.running_s == 3 * 3600
    assert day.known_s == 3 * 3600 + 9 * 3600


async def test_holes_that_overlap_touch_or_cross_midnight_are_taken_away_once(send, used):
    await send(
        states("producing", ts=us(10)),
        states("idle", ts=us(28)),
        gaps=[
            Gap(GapCause.COMMUNICATION_LOST, us(begin), us(end), "press")
            for begin, end in ((11, 14), (12, 13), (14, 15))
        ]
        + [Gap(GapCause.COMMUNICATION_LOST, us(23), us(25))],
    )
    first, second = await used(DAY, DAY + timedelta(days=1))
    assert (first.running_s, second.running_s) == ((14 - 4 - 1) * 3600, (4 - 1) * 3600)
    assert (first.known_s, second.known_s) == (9 * 3600, 23 * 3600)


async def test_of_states_at_the_same_time_one_holds(send, used):
    await send(states("producing", ts=us(10)), states("idle", ts=us(10)), states("off", ts=us(10)))
    assert (await used())[0].running_s == 0


async def test_counts_are_the_differences_between_neighbours(send, used):
    await send(shots(10, 12, 15, 15, hour=9), shots(20, hour=14), rows(1000.0, 3500.0, tag=METER, ts=us(9), step=10**9))
    (day,) = await used()
    assert day.cycles == 10
    assert day.energy_kwh == pytest.approx(2.5)
    # nothing tells what it was doing, and that is not the same as nothing
    assert day.running_s is None


async def test_a_count_across_midnight_is_of_the_day_that_told_it(send, used):
    await send(shots(100, hour=23), shots(130, hour=24.5), shots(131, hour=25))
    first, second = await used(DAY, DAY + timedelta(days=1))
    assert (first.cycles, second.cycles) == (0, 31)


async def test_a_counter_that_began_anew_and_one_that_went_round_count_right(send, used):
    await send(shots(500, 510, 3, 7, hour=9), shots(950, 990, 5, hour=11), shots(0, 4, 0, 9, hour=13))
    (day,) = await used()
    # 10 + 3 (anew) + 4, then 943 + 40 + 15 (round), then 0 (anew), 4, 0 (anew), 9
    assert day.cycles == 10 + 3 + 4 + 943 + 40 + 15 + 0 + 4 + 0 + 9


async def test_a_late_reading_splits_a_difference_and_is_never_a_new_beginning(send, used):
    await send(shots(100, hour=9), shots(200, hour=12))
    before = await used()
    await send(shots(150, hour=10.5))
    assert await used() == before
    assert before[0].cycles == 100


async def test_the_order_in_which_readings_come_changes_nothing(send, used):
    blocks = [shots(9, 12, 3, hour=hour) for hour in (8, 9, 15, 23)] + [states("producing", "idle", ts=us(7))]
    for block in reversed(blocks):
        await send(block)
    backwards = await used(DAY, DAY + timedelta(days=1))
    for block in blocks:
        await send(block)
    assert await used(DAY, DAY + timedelta(days=1)) == backwards
    assert backwards[0].cycles == 3 * 4 + 3 * 4 + 6 * 3


async def test_a_bad_reading_at_the_edge_of_an_hour_loses_no_count(send, used):
    await send(shots(10, 14, hour=9), rows(float("nan"), tag=SHOTS, ts=us(9.9), quality=2), shots(20, hour=10))
    assert (await used())[0].cycles == 10


async def test_a_zone_that_is_half_an_hour_off_has_its_own_midnight(send, used):
    # midnight in Kolkata is 18:30 UTC, 21:30 in Istanbul
    await send(shots(1, hour=21), shots(5, hour=21.4), shots(9, hour=21.6))
    first, second = await used(DAY, DAY + timedelta(days=1), "Asia/Kolkata")
    assert (first.cycles, second.cycles) == (4, 4)


async def test_use_since_a_moment_is_a_sum(gateway, press, send):
    await send(shots(1, 5, 9, hour=9), states("producing", ts=us(9)), states("idle", ts=us(12)))
    now = datetime.now(UTC)
    await settle_all(gateway.database, now + HOUR)
    async with gateway.database.transaction() as session:
        start = datetime(2026, 11, 18, 7, tzinfo=UTC)
        told = await usage.since(session, press.id, start, now)
    assert (told.running_s, told.cycles) == (2 * 3600, 0)


async def test_what_no_counter_can_show_is_passed_over(send, used):
    await send(shots(100, 1.7e308, -1.7e308, 110, -5, 1e300, 112, hour=10), rows(5.0, 1e300, 9.0, tag=METER, ts=us(10)))
    [day] = await used()
    assert (day.cycles, day.energy_kwh) == (12, 0.004)


async def test_counters_of_which_the_rollups_alone_are_kept_count_as_before(send, used, gateway):
    # one began anew at 0 in an hour, one rose from 0, one went on over an hour
    await send(shots(400, 500, 0, 30, hour=10), shots(0, 7, hour=11), shots(20, 50, hour=13))
    before = await used()
    assert before == [usage.Used(cycles=100 + 30 + 7 + 13 + 30)]
    await gateway.query(
        "DELETE FROM reading WHERE tag_id IN (SELECT id FROM tag WHERE gateway_id = :gateway) RETURNING 1"
    )
    assert await used() == before
