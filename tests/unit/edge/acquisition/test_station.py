import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

import numpy as np
import pytest

from edge.acquisition.station import Station
from edge.acquisition.status import StationState
from edge.acquisition.watch import NO_COMMUNICATION, STALE
from edge.drivers.spec import ComputedTag, DeviceOptions, Point, TagOptions
from edge.errors import BufferError, DriverError, DriverRefused  # noqa: A004
from edge.ports import BEFORE_US, Sample, Settled, Tense
from edge.timekeeping import Step
from shared.reading import ClosedBy, Flag, Gap, GapCause, Quality, Readings, Tag, empty, from_rows
from shared.wire.lane import Lane
from tests.fakes.clock import HandClock, happens, turns
from tests.fakes.driver import NOW_US as START_US
from tests.fakes.driver import ScriptedDriver, found, points, sample
from tests.fakes.recording import RecordingBuffer


class KeptDevice(DeviceOptions):
    @property
    def is_kept_by_source(self) -> bool:
        return True


class AfreshDevice(DeviceOptions):
    @property
    def begins_afresh(self) -> bool:
        return True


@dataclass
class Bench:
    """A station that runs, and everything around it."""

    station: Station
    driver: ScriptedDriver
    buffer: RecordingBuffer
    clock: HandClock
    task: asyncio.Task[None]

    @property
    def state(self) -> StationState:
        return self.station.status().state

    async def finish(self) -> None:
        self.station.finish()
        await self.task


@asynccontextmanager
async def running(
    driver: ScriptedDriver | None = None,
    *,
    commits: bool = True,
    buffer: RecordingBuffer | None = None,
    clock: HandClock | None = None,
    plan: list[Point] | None = None,
    finish_s: float = 5.0,
) -> AsyncIterator[Bench]:
    driver, clock = driver or ScriptedDriver(), clock or HandClock()
    buffer = buffer or RecordingBuffer(clock, commits=commits)
    station = Station("line", "modbus", driver, plan or points("a", "b"), buffer, clock, finish_s=finish_s)
    task = asyncio.create_task(station.run())
    try:
        yield Bench(station, driver, buffer, clock, task)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_samples_reach_the_buffer_under_their_lasting_ids() -> None:
    clock = HandClock()
    buffer = RecordingBuffer(clock)
    buffer.register([Tag("other", name) for name in "xyz"])
    async with running(buffer=buffer, clock=clock) as bench:
        bench.driver.put(sample(1.0, tag=1), sample(2.0, tag=0))
        await happens(lambda: len(buffer.appends) == 2)
        assert [append.readings.tag.tolist() for append in buffer.appends] == [[4], [3]]
        assert buffer.values == [("b", 1.0), ("a", 2.0)]
        assert not any(append.prompt for append in buffer.appends)


async def test_a_receipt_is_acknowledged_only_after_the_commit() -> None:
    async with running(commits=False) as bench:
        bench.driver.put(sample(1.0, receipt="first"), sample(2.0, receipt="second"))
        # the station does not wait for one commit before it takes the next sample
        await happens(lambda: len(bench.buffer.appends) == 2)
        assert bench.driver.acknowledged == []
        assert all(append.prompt for append in bench.buffer.appends)
        bench.buffer.appends[1].durable.set_result(None)
        await asyncio.sleep(0)
        assert bench.driver.acknowledged == []
        bench.buffer.appends[0].durable.set_result(None)
        await happens(lambda: bench.driver.acknowledged == ["first", "second"])


async def test_a_sample_of_which_nothing_is_kept_is_acknowledged_in_its_turn() -> None:
    async with running(commits=False) as bench:
        bench.driver.put(sample(1.0, receipt="kept"), sample(1.0, receipt="nothing new"))
        await happens(lambda: bench.station.status().readings == 2)
        assert len(bench.buffer.appends) == 1
        assert bench.driver.acknowledged == []
        bench.buffer.appends[0].durable.set_result(None)
        await happens(lambda: bench.driver.acknowledged == ["kept", "nothing new"])


async def test_a_receipt_whose_commit_never_came_is_not_acknowledged() -> None:
    async with running(commits=False) as bench:
        bench.driver.put(sample(1.0, receipt="lost"), sample(2.0, receipt="kept"))
        await happens(lambda: len(bench.buffer.appends) == 2)
        bench.buffer.appends[0].durable.set_exception(BufferError("closed"))
        bench.buffer.appends[1].durable.set_result(None)
        await happens(lambda: bench.driver.acknowledged == ["kept"])


async def test_a_loss_leaves_a_bad_reading_for_every_tag_and_a_gap_when_the_session_is_back() -> None:
    plan = points("a", "b") + points("c", device="press-2")
    async with running(plan=plan) as bench:
        await bench.clock.advance(10)
        bench.driver.put(sample(1.0, at_us=bench.clock.now_us()))
        await happens(lambda: bench.buffer.values)
        await bench.clock.advance(5)
        bench.driver.put(DriverError("line: connection reset"))
        await happens(lambda: bench.clock.sleeping)
        (bad,) = [append.readings for append in bench.buffer.appends[1:]]
        assert bad.tag.tolist() == [0, 1, 2]
        assert np.isnan(bad.value).all()
        assert bad.quality.tolist() == [Quality.BAD] * 3
        assert bad.status.tolist() == [NO_COMMUNICATION] * 3
        assert bad.ts.tolist() == [START_US + 15_000_000] * 3
        status = bench.station.status()
        assert (status.state, status.losses, status.last_error) == (StationState.DOWN, 1, "line: connection reset")
        await bench.clock.advance(60)
        await happens(lambda: bench.state is StationState.UP)
        await happens(lambda: bench.buffer.gaps)
        back = bench.station.status().since_us
        assert START_US + 15_000_000 < back <= START_US + 75_000_000
        assert bench.buffer.gaps == [
            Gap(GapCause.COMMUNICATION_LOST, START_US + 10_000_000, back, "press-1", None, "line: connection reset"),
            Gap(GapCause.COMMUNICATION_LOST, START_US, back, "press-2", None, "line: connection reset"),
        ]


async def test_an_outage_of_many_attempts_is_one_loss_and_one_gap() -> None:
    async with running(ScriptedDriver(*[DriverError(f"attempt {n}") for n in range(5)])) as bench:
        await happens(lambda: bench.clock.sleeping)
        await bench.clock.advance(600)
        await happens(lambda: bench.buffer.gaps)
        assert len(bench.buffer.appends) == 2
        assert bench.station.status().losses == 1
        assert bench.buffer.gaps[0].detail == "attempt 4"


async def test_a_second_outage_does_not_count_the_first_one_again() -> None:
    async with running() as bench:
        backs = []
        for outages in (1, 2):
            bench.driver.put(DriverError("gone"))
            await happens(lambda: bench.clock.sleeping)
            await bench.clock.advance(100)
            await happens(lambda outages=outages: len(bench.buffer.gaps) == outages)
            backs.append(bench.station.status().since_us)
        assert [(gap.from_us, gap.to_us) for gap in bench.buffer.gaps] == [(START_US, backs[0]), tuple(backs)]


async def test_a_value_that_comes_back_unchanged_after_a_loss_is_kept() -> None:
    async with running() as bench:
        bench.driver.put(sample(1.0), DriverError("gone"))
        await happens(lambda: bench.clock.sleeping)
        await bench.clock.advance(60)
        bench.driver.put(sample(1.0))
        await happens(lambda: bench.buffer.values == [("a", 1.0), ("a", 1.0)])


async def test_a_refusal_is_tried_again_only_slowly() -> None:
    async with running(ScriptedDriver(DriverRefused("bad password"))) as bench:
        await happens(lambda: bench.clock.sleeping)
        await bench.clock.advance(59)
        await asyncio.sleep(0)
        assert bench.driver.opened == 0
        await bench.clock.advance(20)
        await happens(lambda: bench.driver.opened == 1)


async def test_a_session_that_never_comes_up_is_tried_ever_more_slowly() -> None:
    async with running(ScriptedDriver(*[DriverError("no") for _ in range(200)])) as bench:
        waits = []
        for _ in range(40):
            await happens(lambda: bench.clock.sleeping)
            waits.append(bench.clock.slept[-1])
            await bench.clock.advance(waits[-1])
        assert waits[0] <= 1.0
        assert max(waits[:4]) <= 8.0
        assert max(waits[8:]) > 8.0
        assert max(waits) <= 60.0


async def test_a_defect_in_a_driver_is_a_loss_like_any_other() -> None:
    async with running() as bench:
        bench.driver.put(ZeroDivisionError("division by zero"))
        await happens(lambda: bench.clock.sleeping)
        assert "ZeroDivisionError: division by zero" in (bench.station.status().last_error or "")
        await bench.clock.advance(60)
        bench.driver.put(sample(3.0))
        await happens(lambda: bench.buffer.values == [("a", 3.0)])


async def test_a_driver_that_ends_by_itself_is_opened_again() -> None:
    driver = ScriptedDriver()
    async with running(driver) as bench:
        await happens(lambda: bench.state is StationState.UP)
        driver.finish()
        await happens(lambda: bench.clock.sleeping)
        assert driver.closed == 1
        assert bench.state is StationState.DOWN


async def test_a_full_buffer_holds_the_sample_and_tells_what_a_polled_source_missed() -> None:
    async with running() as bench:
        bench.buffer.is_full = True
        bench.driver.put(sample(1.0), sample(2.0))
        for _ in range(3):
            await happens(lambda: bench.clock.sleeping)
            await bench.clock.advance(1)
        await happens(lambda: bench.clock.sleeping)
        bench.buffer.is_full = False
        await bench.clock.advance(1)
        await happens(lambda: len(bench.buffer.values) == 2)
        assert bench.buffer.values == [("a", 1.0), ("a", 2.0)]
        assert bench.buffer.gaps == [
            Gap(GapCause.BUFFER_FULL, START_US, START_US + 3_500_000, "press-1", None, "not taken from the source")
        ]


async def test_a_full_buffer_makes_an_acknowledged_source_wait_without_a_gap() -> None:
    async with running() as bench:
        bench.buffer.is_full = True
        bench.driver.put(sample(1.0, receipt="r"))
        await happens(lambda: bench.clock.sleeping)
        assert bench.driver.acknowledged == []
        bench.buffer.is_full = False
        await bench.clock.advance(1)
        await happens(lambda: bench.driver.acknowledged == ["r"])
        assert bench.buffer.gaps == []


async def test_gaps_that_a_driver_noticed_are_recorded_fit_for_the_wire() -> None:
    hole = Gap(GapCause.OVERFLOW, START_US + 9, START_US + 5, "press-1", "a", "two\nlines\0")
    async with running() as bench:
        bench.driver.put(Sample(empty(), None, [hole]))
        await happens(lambda: bench.buffer.gaps)
        assert bench.buffer.gaps == [
            Gap(GapCause.OVERFLOW, START_US + 4, START_US + 5, "press-1", "a", "two lines\N{REPLACEMENT CHARACTER}")
        ]


async def test_a_soft_end_takes_what_is_in_flight_and_acknowledges_it_before_it_closes() -> None:
    async with running(commits=False) as bench:
        await happens(lambda: bench.state is StationState.UP)
        bench.driver.put(sample(1.0, receipt="x"), sample(2.0, receipt="y"))
        bench.station.finish()
        await happens(lambda: len(bench.buffer.appends) == 2)
        assert bench.driver.is_open
        for append in bench.buffer.appends:
            append.durable.set_result(None)
        await bench.task
        assert bench.driver.acknowledged == ["x", "y"]
        assert not bench.driver.is_open
        assert bench.state is StationState.STOPPED
        assert bench.buffer.gaps == []


async def test_a_driver_that_does_not_end_is_cut_off() -> None:
    driver = ScriptedDriver()
    driver.is_deaf = True
    async with running(driver, finish_s=0.01) as bench:
        await happens(lambda: bench.state is StationState.UP)
        await bench.finish()
        assert not driver.is_open
        assert bench.state is StationState.STOPPED


async def test_an_outage_is_told_when_it_begins_and_an_end_in_its_middle_leaves_it_open() -> None:
    async with running() as bench:
        bench.driver.put(DriverError("gone"))
        await happens(lambda: bench.clock.sleeping)
        [begun] = bench.buffer.ledger
        assert (begun.cause, begun.device, begun.detail) == (GapCause.COMMUNICATION_LOST, "press-1", "gone")
        assert (begun.from_us, begun.is_open, begun.revision) == (START_US, True, 1)
        # with the bad readings, in one commit
        assert bench.buffer.appends[-1].gaps == [begun]
        assert len(bench.buffer.appends[-1].readings)
        await bench.finish()
        assert bench.buffer.ledger == [begun]


async def test_what_an_earlier_life_left_open_ends_when_the_gateway_was_last_alive() -> None:
    clock = HandClock()
    buffer, down_us = RecordingBuffer(clock), START_US - 3_000_000
    left = Gap(
        GapCause.COMMUNICATION_LOST, down_us - 60, down_us - 50, "press-1", None, "gone", uuid4(), 1, is_open=True
    )
    other = replace(left, device="another")
    driver = ScriptedDriver(DriverError("still gone"))
    station = Station(
        "line", "modbus", driver, points("a"), buffer, clock, missing_since_us=down_us, inherited=[left, other]
    )
    task = asyncio.create_task(station.run())
    await happens(lambda: clock.sleeping)
    assert buffer.ledger[0] == replace(left, revision=2, to_us=down_us, is_open=False)
    await clock.advance(60)
    await happens(lambda: len(buffer.gaps) == 3)
    # one follows the other, each with its cause
    times = [(gap.cause.value, gap.from_us, gap.to_us) for gap in buffer.gaps]
    back = station.status().since_us
    assert times == [
        ("communication_lost", down_us - 60, down_us),
        ("gateway_down", down_us, START_US),
        ("communication_lost", START_US, back),
    ]
    station.finish()
    await task


async def test_the_gap_of_a_device_whose_source_keeps_what_we_miss_goes_on_until_the_driver_has_said_what_came() -> (
    None
):
    kept = [replace(point, device_options=KeptDevice(name="press-1", on="line")) for point in points("a")]
    async with running(plan=kept) as bench:
        bench.driver.put(DriverError("reset"))
        await happens(lambda: bench.clock.sleeping)
        await bench.clock.advance(60)
        await happens(lambda: bench.driver.opened == 2)
        bench.driver.put(sample(2.0))
        await happens(lambda: bench.buffer.values)
        [begun] = bench.buffer.ledger
        bench.driver.put(Sample(empty(), settled=[Settled("press-1", ClosedBy.REDELIVERED)]))
        await happens(lambda: len(bench.buffer.ledger) == 2)
        closed = bench.buffer.ledger[1]
        assert (closed.id, closed.revision, closed.is_open, closed.closed_by) == (begun.id, 2, False, "redelivered")
        assert (closed.from_us, closed.closed_us) == (START_US, bench.clock.now_us())


async def test_an_end_with_a_full_buffer_does_not_hang() -> None:
    async with running(finish_s=0.01) as bench:
        bench.buffer.is_full = True
        bench.driver.put(sample(1.0, receipt="r"))
        await happens(lambda: bench.clock.sleeping)
        await bench.finish()
        assert bench.driver.acknowledged == []


async def test_a_station_told_to_end_before_it_began_ends_at_once() -> None:
    driver, clock = ScriptedDriver(), HandClock()
    station = Station("line", "modbus", driver, points("a"), RecordingBuffer(clock), clock)
    station.finish()
    await station.run()
    assert driver.opened == 0


async def test_cancelling_closes_the_driver() -> None:
    async with running() as bench:
        await happens(lambda: bench.state is StationState.UP)
        bench.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await bench.task
        assert not bench.driver.is_open


async def test_a_closed_buffer_ends_the_station_with_its_error() -> None:
    async with running() as bench:
        await bench.buffer.close()
        bench.driver.put(sample(1.0))
        with pytest.raises(BufferError):
            await bench.task


async def test_the_status_tells_each_device_apart() -> None:
    plan = points("a", "b") + points("c", device="press-2")
    async with running(plan=plan) as bench:
        bench.driver.put(sample(1.0, at_us=START_US + 5), sample(float("nan"), tag=1, at_us=START_US + 7))
        await happens(lambda: bench.station.status().readings == 2)
        status = bench.station.status()
        assert (status.name, status.protocol, status.counts.taken, status.counts.not_finite) == ("line", "modbus", 2, 1)
        first, second = status.devices
        assert (first.name, first.last_received_us, first.tags, first.good, first.bad) == (
            "press-1",
            START_US + 7,
            2,
            1,
            1,
        )
        assert (second.name, second.last_received_us, second.tags, second.good) == ("press-2", None, 1, 0)


async def test_the_first_session_after_the_gateway_was_down_tells_the_hole_from_what_could_be_on_its_way() -> None:
    clock = HandClock()
    buffer, driver = RecordingBuffer(clock), ScriptedDriver()
    down_us = START_US - 3_000_000
    station = Station(
        "line", "opcua", driver, points("a"), buffer, clock, delivery_s=0.25, missing_since_us=down_us, finish_s=5.0
    )
    task = asyncio.create_task(station.run())
    await happens(lambda: buffer.gaps)
    assert buffer.gaps == [Gap(GapCause.GATEWAY_DOWN, down_us - 250_000, START_US, "press-1", None, "")]
    driver.put(DriverError("line: connection reset"))
    await happens(lambda: clock.sleeping)
    await clock.advance(60)
    await happens(lambda: len(buffer.gaps) == 2)
    # the hole that was told is not told again
    assert buffer.gaps[1].cause is GapCause.COMMUNICATION_LOST
    assert buffer.gaps[1].from_us == START_US - 250_000
    station.finish()
    await task


async def test_a_gateway_that_never_ran_before_begins_without_a_hole() -> None:
    async with running() as bench:
        bench.driver.put(sample(1.0))
        await happens(lambda: bench.buffer.values)
        assert bench.buffer.gaps == []


async def test_a_source_that_said_all_until_the_loss_is_missed_only_from_there() -> None:
    plan = points("a") + points("b", device="press-2")
    async with running(plan=plan) as bench:
        bench.driver.put(sample(1.0))
        await happens(lambda: bench.buffer.values)
        await bench.clock.advance(3600)
        bench.driver.put(Sample(empty(), is_whole=True), DriverError("reset"))
        await happens(lambda: bench.clock.sleeping)
        await bench.clock.advance(60)
        await happens(lambda: bench.buffer.gaps)
        assert {gap.from_us for gap in bench.buffer.gaps} == {START_US + 3_600_000_000}


@pytest.mark.parametrize("down_us", [None, START_US - 3_000_000])
async def test_a_hole_from_before_a_drivers_life_is_told_if_the_gateway_ran_then(down_us: int | None) -> None:
    clock = HandClock()
    buffer, driver = RecordingBuffer(clock), ScriptedDriver()
    driver.put(sample(1.0, gaps=[Gap(GapCause.BROKER_SESSION_LOST, BEFORE_US, START_US, "press-1")]))
    kept = [replace(point, device_options=KeptDevice(name="press-1", on="line")) for point in points("a")]
    station = Station("line", "mqtt", driver, kept, buffer, clock, missing_since_us=down_us)
    task = asyncio.create_task(station.run())
    await happens(lambda: buffer.values)
    told = [] if down_us is None else [Gap(GapCause.BROKER_SESSION_LOST, down_us, START_US, "press-1")]
    assert buffer.gaps == told
    # a loss that the source bridges is a bad reading and no gap
    driver.put(DriverError("reset"))
    await happens(lambda: clock.sleeping)
    assert np.isnan(buffer.appends[-1].readings.value).all()
    await clock.advance(60)
    await happens(lambda: driver.opened == 2)
    driver.put(sample(2.0))
    await happens(lambda: len(buffer.values) == 2)
    assert buffer.gaps == told
    station.finish()
    await task


async def test_a_value_as_old_as_before_the_loss_is_the_last_word_again_when_the_session_is_back() -> None:
    plan = [replace(point, device_options=AfreshDevice(name="press-1", on="line")) for point in points("a")]
    async with running(plan=plan) as bench:
        old = Sample(from_rows([0], [START_US - 5], START_US, [1.0]))
        bench.driver.put(old, DriverError("reset"))
        await happens(lambda: bench.clock.sleeping)
        await bench.clock.advance(60)
        await happens(lambda: bench.state is StationState.UP)
        bench.driver.put(old)
        await happens(lambda: len(bench.buffer.values) == 3)
        last = bench.buffer.appends[-1].readings
        assert last.ts.tolist() == [START_US - 5, bench.station.status().since_us]
        assert last.flags.tolist() == [0, Flag.SOURCE_TIME_REPLACED]


async def test_what_a_full_buffer_kept_from_being_taken_at_the_end_is_a_gap() -> None:
    class NoRoom(RecordingBuffer):
        """Has room for gaps only, as the real one that is full."""

        async def append(
            self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
        ) -> "asyncio.Future[None]":
            self.is_full = bool(len(readings))
            return await super().append(readings, gaps, prompt=prompt)

    clock = HandClock()
    buffer = NoRoom(clock)
    async with running(buffer=buffer, clock=clock, finish_s=0.05) as bench:
        bench.driver.put(sample(1.0))
        await happens(lambda: clock.sleeping)
        clock.jump(20)
        await bench.finish()
        (gap,) = buffer.gaps
        assert (gap.cause, gap.device) == (GapCause.BUFFER_FULL, "press-1")
        assert (gap.from_us, gap.to_us) == (START_US, clock.now_us())


async def test_points_that_a_driver_finds_while_it_runs_are_registered_shaped_and_watched() -> None:
    async with running() as bench:
        bench.driver.put(sample(1.0, tag=0))
        await happens(lambda: len(bench.buffer.appends) == 1)
        grown = points("speed", "mode", device="press-2")
        grown[0] = replace(grown[0], options=grown[0].options.model_copy(update={"scale": 10.0}))
        grown[1] = replace(grown[1], options=grown[1].options.model_copy(update={"map": {2: "setup"}}))
        bench.driver.put(replace(sample(4.0, tag=2), points=grown), sample(2.0, tag=3))
        await happens(lambda: len(bench.buffer.appends) == 3)
        assert bench.buffer.values == [("a", 1.0), ("speed", 40.0), ("mode", 2.0)]
        assert bench.buffer.appends[2].readings.text == {0: "setup"}
        assert {device.name: device.tags for device in bench.station.status().devices} == {"press-1": 2, "press-2": 2}
        # at a loss they are told bad with all others
        bench.driver.put(DriverError("line: gone"))
        await happens(lambda: len(bench.buffer.appends) == 4)
        assert len(bench.buffer.appends[3].readings) == 4


async def test_points_that_a_driver_finds_are_kept_like_any_other() -> None:
    async with running() as bench:
        news = points("x", device="found", scale=10.0)
        bench.driver.put(sample(1.0), found(*news, value=2.0), sample(3.0, tag=2), sample(3.0, tag=2))
        await happens(lambda: bench.station.status().readings == 4)
        assert bench.buffer.values == [("a", 1.0), ("x", 20.0), ("x", 30.0)]
        assert [(device.name, device.tags) for device in bench.station.status().devices] == [
            ("press-1", 2),
            ("found", 1),
        ]
        # the new device is not missed from before it was known, and is told bad at a loss like the others
        bench.driver.put(DriverError("reset"))
        await happens(lambda: bench.clock.sleeping)
        assert bench.buffer.appends[-1].readings.tag.tolist() == [0, 1, 2]
        assert bench.buffer.gaps == []


async def test_more_points_of_a_known_device_are_found_without_a_gap_and_keep_their_places() -> None:
    async with running(plan=points("a", "b", map={1: "one"})) as bench:
        bench.driver.put(found(*points("c", map={1: "eins"}), value=1.0), sample(1.0, tag=1))
        await happens(lambda: len(bench.buffer.values) == 2)
        assert [append.readings.text for append in bench.buffer.appends] == [{0: "eins"}, {0: "one"}]
        assert [(device.name, device.tags) for device in bench.station.status().devices] == [("press-1", 3)]


async def test_a_device_found_after_the_gateway_was_down_has_the_hole_of_its_neighbours() -> None:
    clock = HandClock()
    buffer, driver = RecordingBuffer(clock), ScriptedDriver()
    down_us = START_US - 3_000_000
    station = Station("line", "opcua", driver, points("a"), buffer, clock, delivery_s=0.25, missing_since_us=down_us)
    task = asyncio.create_task(station.run())
    await happens(lambda: buffer.gaps)
    await clock.advance(60)
    kept = [replace(point, device_options=KeptDevice(name="kept", on="line")) for point in points("k", device="kept")]
    driver.put(found(*points("x", device="found"), *kept, first=1))
    await happens(lambda: buffer.values)
    assert buffer.gaps[1:] == [Gap(GapCause.GATEWAY_DOWN, down_us - 250_000, START_US, "found", None, "")]
    station.finish()
    await task


async def test_points_found_while_the_disk_refuses_wait_with_their_readings() -> None:
    class Refusing(RecordingBuffer):
        refusals = 0

        def register(self, tags: Sequence[Tag], lanes: Sequence[Lane] = ()) -> list[int]:
            if self.refusals:
                self.refusals -= 1
                raise BufferError("disk full", retryable=True)
            return super().register(tags, lanes)

    clock = HandClock()
    buffer = Refusing(clock)
    async with running(buffer=buffer, clock=clock) as bench:
        buffer.refusals = 2
        bench.driver.put(found(*points("x", device="found")))
        await happens(lambda: clock.sleeping)
        assert buffer.values == []
        await clock.advance(5)
        await happens(lambda: buffer.values == [("x", 1.0)])


async def test_a_tag_that_falls_silent_is_told_bad_while_its_session_is_up() -> None:
    async with running(plan=points("a", stale_after="3s") + points("b")) as bench:
        tending = asyncio.create_task(bench.station.tend())
        bench.driver.put(sample(1.0), sample(1.0, tag=1))
        await happens(lambda: len(bench.buffer.values) == 2)
        await bench.clock.advance(3.0)
        assert len(bench.buffer.appends) == 2
        await bench.clock.advance(2.0)
        await happens(lambda: len(bench.buffer.appends) == 3)
        stale = bench.buffer.appends[-1].readings
        assert (stale.tag.tolist(), stale.status.tolist()) == ([0], [STALE])
        # the same value is news again, as the bad one was the last word
        bench.driver.put(sample(1.0))
        await happens(lambda: len(bench.buffer.values) == 3)
        tending.cancel()


async def test_there_is_nothing_to_tend_where_no_silence_counts() -> None:
    async with running() as bench:
        tending = asyncio.create_task(bench.station.tend())
        await turns()
        assert not bench.clock.sleeping
        tending.cancel()


async def test_a_tag_that_was_found_and_falls_silent_is_told_bad_too() -> None:
    async with running(plan=points("a")) as bench:
        tending = asyncio.create_task(bench.station.tend())
        await turns()
        bench.driver.put(found(*points("x", device="found", stale_after="3s"), first=1))
        await happens(lambda: bench.buffer.values == [("x", 1.0)])
        await bench.clock.advance(5.0)
        await happens(lambda: len(bench.buffer.appends) == 2)
        assert bench.buffer.appends[-1].readings.status.tolist() == [STALE]
        tending.cancel()


async def test_what_is_of_class_state_is_committed_promptly() -> None:
    async with running(plan=points("a", **{"class": "state"}) + points("b")) as bench:
        bench.driver.put(sample(1.0), sample(1.0, tag=1))
        await happens(lambda: len(bench.buffer.appends) == 2)
        assert [append.prompt for append in bench.buffer.appends] == [True, False]


async def test_the_buffer_is_told_how_far_a_counter_counts_in_its_unit() -> None:
    clock = HandClock()
    buffer = RecordingBuffer(clock)
    plan = points("a", counter={"rollover": "2^16"}, scale=0.5) + points("b", counter={})
    async with running(plan=plan, buffer=buffer, clock=clock):
        assert [tag.rollover for tag in buffer._tags] == [32768.0, None]


async def test_computed_tags_are_kept_watched_and_told_bad_like_any_other_and_leave_found_ones_their_places() -> None:
    clock = HandClock()
    buffer, driver = RecordingBuffer(clock), ScriptedDriver()
    plan = points("volts", "amps")
    formula = ComputedTag.model_validate("volts * amps")
    computed = [replace(plan[0], name="power", options=formula)]
    station = Station("line", "modbus", driver, plan, buffer, clock, computed=computed)
    task = asyncio.create_task(station.run())
    driver.put(
        Sample(from_rows([0, 1], [0, 0], START_US, [2.0, 3.0])),
        found(*points("x", device="found"), value=7.0),
        sample(8.0, tag=2),
    )
    await happens(lambda: len(buffer.values) == 5)
    assert buffer.values == [("volts", 2.0), ("amps", 3.0), ("power", 6.0), ("x", 7.0), ("x", 8.0)]
    assert {device.name: (device.tags, device.good) for device in station.status().devices} == {
        "press-1": (3, 3),
        "found": (1, 1),
    }
    driver.put(DriverError("reset"))
    await happens(lambda: clock.sleeping)
    lost = buffer.appends[-1].readings
    assert sorted(buffer.names[tag] for tag in lost.tag.tolist()) == ["amps", "power", "volts", "x"]
    station.finish()
    await task


async def test_what_is_no_number_is_counted_as_bad_on_the_health_page() -> None:
    async with running() as bench:
        bench.driver.put(sample(float("nan")), sample(float("inf"), tag=1))
        await happens(lambda: bench.station.status().readings == 2)
        (device,) = bench.station.status().devices
        assert (device.good, device.bad) == (0, 2)


async def test_what_is_pending_behind_a_door_is_kept_at_a_gap_when_it_is_time_and_at_the_end() -> None:
    plan = points("a", compress={"deviation": 1.0, "max_interval": "10s"})
    async with running(plan=plan) as bench:
        tending = asyncio.create_task(bench.station.tend())

        async def says(value: float, *gaps: Gap) -> None:
            await bench.clock.advance(1.0)
            before = bench.station.status().readings
            bench.driver.put(sample(value, at_us=bench.clock.now_us(), gaps=gaps))
            await happens(lambda: bench.station.status().readings == before + 1)

        for value in (1.0, 1.1, 1.2):
            await says(value)
        assert bench.buffer.values == [("a", 1.0)]
        await says(1.3, Gap(GapCause.OVERFLOW, START_US, START_US + 1, "press-1", "a"))
        await happens(lambda: len(bench.buffer.values) == 2)
        assert bench.buffer.values[1] == ("a", 1.2)
        await bench.clock.advance(12.0)
        await happens(lambda: len(bench.buffer.values) == 3)
        assert bench.buffer.values[2] == ("a", 1.3)
        await says(1.4)
        await bench.finish()
        assert bench.buffer.values[3:] == [("a", 1.4)]
        tending.cancel()


async def test_a_loss_keeps_what_was_pending_before_it_tells_the_point_bad() -> None:
    async with running(plan=points("a", compress={"deviation": 1.0})) as bench:
        bench.driver.put(sample(1.0), sample(1.1, at_us=START_US + 5), DriverError("reset"))
        await happens(lambda: bench.clock.sleeping)
        assert bench.buffer.values == [("a", 1.0), ("a", 1.1)]
        assert np.isnan(bench.buffer.appends[-1].readings.value).tolist() == [False, True]


async def test_what_was_missed_is_stored_and_computes_nothing() -> None:
    plan, clock = points("volts", "amps"), HandClock()
    buffer, driver = RecordingBuffer(clock), ScriptedDriver()
    formula = ComputedTag.model_validate("volts * amps")
    computed = [replace(plan[0], name="power", options=formula)]
    station = Station("line", "opcua", driver, plan, buffer, clock, computed=computed)
    task = asyncio.create_task(station.run())
    now = Sample(from_rows([0, 1], [START_US, START_US], START_US, [2.0, 3.0]))
    driver.put(now, Sample(from_rows([0], [START_US - 5], START_US, [9.0]), tense=Tense.PAST))
    await happens(lambda: len(buffer.values) == 4)
    assert buffer.values == [("volts", 2.0), ("amps", 3.0), ("power", 6.0), ("volts", 9.0)]
    driver.put(Sample(from_rows([0], [START_US + 5], START_US + 5, [4.0])))
    await happens(lambda: len(buffer.values) == 6)
    assert buffer.values[4:] == [("volts", 4.0), ("power", 12.0)]
    station.finish()
    await task


@pytest.mark.parametrize("was_lost", [False, True])
async def test_what_was_told_before_is_stored_again_only_where_the_point_was_told_bad(was_lost: bool) -> None:
    plan = [replace(point, device_options=AfreshDevice(name="press-1", on="line")) for point in points("a", "b")]
    async with running(plan=plan) as bench:
        both = Sample(from_rows([0, 1], [START_US - 5, START_US - 5], START_US, [1.0, 2.0]))
        bench.driver.put(both)
        await happens(lambda: len(bench.buffer.values) == 2)
        if was_lost:
            bench.driver.put(DriverError("reset"))
            await happens(lambda: bench.clock.sleeping)
            await bench.clock.advance(60)
            await happens(lambda: bench.state is StationState.UP)
        bench.driver.put(replace(both, tense=Tense.AGAIN), sample(7.0))
        await happens(lambda: ("a", 7.0) in bench.buffer.values)
        again = [("a", 1.0), ("b", 2.0)] if was_lost else []
        assert bench.buffer.values == [("a", 1.0), ("b", 2.0), *again, ("a", 7.0)]


@pytest.mark.parametrize("tense", [Tense.NOW, Tense.PAST])
async def test_what_was_missed_does_not_say_that_a_point_is_good_again(tense: Tense) -> None:
    plan = [replace(point, device_options=AfreshDevice(name="press-1", on="line")) for point in points("a")]
    async with running(plan=plan) as bench:
        old = Sample(from_rows([0], [START_US - 5], START_US, [1.0]))
        bench.driver.put(old, DriverError("reset"))
        await happens(lambda: bench.clock.sleeping)
        await bench.clock.advance(60)
        await happens(lambda: bench.state is StationState.UP)
        bench.driver.put(Sample(from_rows([0], [START_US - 3], START_US, [2.0]), tense=tense))
        await happens(lambda: ("a", 2.0) in bench.buffer.values)
        # a value from before the loss that holds now is stated once more, at the time of the session
        assert bench.buffer.values.count(("a", 2.0)) == (2 if tense is Tense.NOW else 1)


async def test_a_clock_that_is_set_within_an_outage_cuts_it_in_two_each_by_its_own_time() -> None:
    async with running() as bench:
        bench.driver.put(DriverError("gone"))
        await happens(lambda: bench.clock.sleeping)
        old_us = bench.clock.now_us() + 9
        bench.clock.jump(-3600)
        await bench.station.step(Step(old_us, old_us - 3_600_000_000, bench.clock.now_us()))
        await bench.clock.advance(60)
        await happens(lambda: len(bench.buffer.gaps) == 2)
        first, second = bench.buffer.gaps
        assert (first.from_us, first.to_us) == (START_US, old_us)
        assert (second.from_us, second.to_us) == (old_us - 3_600_000_000, bench.station.status().since_us)


@pytest.mark.parametrize("hours", [24, -24])
async def test_a_clock_that_is_set_calls_no_tag_silent_and_none_alive(hours: int) -> None:
    plan = [replace(point, options=TagOptions(stale_after="10s")) for point in points("a")]
    async with running(plan=plan) as bench:
        tending = asyncio.create_task(bench.station.tend())
        bench.driver.put(sample(1.0))
        await happens(lambda: bench.buffer.values)
        await bench.clock.advance(5)
        old_us = bench.clock.now_us()
        bench.clock.jump(hours * 3600)
        await bench.station.step(Step(old_us, bench.clock.now_us(), bench.clock.now_us()))
        await bench.clock.advance(4)
        assert bench.station.good() == {("press-1", "a")}
        # and it still is a tag that goes silent after ten seconds
        await bench.clock.advance(3)
        assert bench.station.good() == set()
        tending.cancel()


async def test_what_is_taken_while_the_clock_is_not_set_is_flagged() -> None:
    clock, is_set = HandClock(), [False]
    buffer, driver = RecordingBuffer(clock), ScriptedDriver()
    station = Station("line", "modbus", driver, points("a"), buffer, clock, is_clock_set=lambda: is_set[0])
    task = asyncio.create_task(station.run())
    for value in (1.0, 2.0):
        driver.put(sample(value))
        await happens(lambda value=value: ("a", value) in buffer.values)
        is_set[0] = True
    assert [append.readings.flags.tolist() for append in buffer.appends] == [[Flag.CLOCK_NOT_SET], [0]]
    station.finish()
    await task
