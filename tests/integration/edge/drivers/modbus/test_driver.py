"""The Modbus driver against a pymodbus server that refuses, lies, falls silent and goes away."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pymodbus.constants import ExcCodes
from structlog.testing import capture_logs

from edge.drivers.modbus.answer import Status
from edge.drivers.modbus.driver import ModbusDriver
from edge.errors import ConfigError, DriverError
from edge.ports import Sample
from shared.reading import Quality
from tests.integration.edge.drivers.modbus.counterpart import Asked, Counterpart, driver, points, rows

PATIENCE_S = 60.0


class HandClock:
    """A clock whose monotonic time only `advance` moves; `is_idle` once somebody sleeps by it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.seconds + seconds, woken))
        await woken.wait()

    @property
    def is_idle(self) -> bool:
        return bool(self._sleepers)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        for until, woken in self._sleepers:
            if until <= self.seconds:
                woken.set()
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self.seconds]


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what it looks at signals nothing
            await asyncio.sleep(0.005)


@pytest.fixture
async def line() -> AsyncIterator[Counterpart]:
    """A server with units 1 and 2."""
    served = Counterpart(1, 2)
    await served.start()
    yield served
    await served.stop()


@contextlib.asynccontextmanager
async def opened(built: ModbusDriver) -> AsyncIterator[AsyncIterator[Sample]]:
    """Open a driver and hand out its samples."""
    await built.open()
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield aiter(built.samples())
    finally:
        await built.close()


@contextlib.asynccontextmanager
async def running(built: ModbusDriver, samples: list[Sample]) -> AsyncIterator["asyncio.Task[None]"]:
    """Open a driver and collect its samples, in a task, until the block ends; an error stays in the task."""

    async def collect() -> None:
        await built.open()
        async for sample in built.samples():
            samples.append(sample)  # noqa: PERF401 - what came before an error is kept

    task = asyncio.create_task(collect())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        await built.close()


async def first(samples: AsyncIterator[Sample], count: int) -> dict[int, tuple[float, int, int]]:
    """Return the rows of the first samples, the later over the earlier."""
    taken: dict[int, tuple[float, int, int]] = {}
    for _ in range(count):
        taken.update(rows(await anext(samples)))
    return taken


def good(value: float) -> tuple[float, int, int]:
    return value, Quality.GOOD, Status.OK


def told(samples: list[Sample], point: int) -> list[tuple[float, int, int]]:
    """Return what was said of one point, in order."""
    return [rows(sample)[point] for sample in samples if point in rows(sample)]


async def test_every_table_and_type_is_read_in_as_few_requests_as_can_be(line: Counterpart) -> None:
    unit = line.units[1]
    unit.put(3, 10, ">hHiIqQfd", -7, 65535, -70000, 70000, -(2**60), 2**63 + 1, 0.5, math.pi)
    unit.put(3, 30, ">6s", b"EM24 \0")
    unit.put(4, 5, "<f", 1.5)
    unit.bits[1][3] = unit.bits[2][77] = True
    of = points(
        "press-1",
        {
            "int16": {"register": "holding 10", "type": "int16"},
            "uint16": {"register": "holding 11"},
            "int32": {"register": "holding 12", "type": "int32"},
            "uint32": {"register": "holding 14", "type": "uint32"},
            "int64": {"register": "holding 16", "type": "int64"},
            "uint64": {"register": "holding 20", "type": "uint64"},
            "float32": {"register": "holding 24", "type": "float32"},
            "float64": {"register": "holding 26", "type": "float64"},
            "model": {"register": "holding 30", "type": "string", "length": 3},
            "bit": {"register": "holding 11", "bit": 15},
            "swapped": {"register": "input 5", "type": "float32", "byte_order": "little"},
            "alarm": {"coil": 3},
            "door": {"discrete": 77},
        },
    )
    async with opened(driver(line.port, of)) as samples:
        taken = [await anext(samples) for _ in range(4)]
    seen = {key: row for sample in taken for key, row in rows(sample).items()}
    values = [-7, 65535, -70000, 70000, -float(2**60), float(2**63), 0.5, math.pi, None, 1, 1.5, 1, 1]
    for point, value in enumerate(values):
        if value is not None:
            assert seen[point] == good(value), of[point].name
    texts = {int(sample.readings.tag[row]): text for sample in taken for row, text in sample.readings.text.items()}
    assert texts == {4: str(-(2**60)), 5: str(2**63 + 1), 8: "EM24"}
    assert sorted(asked[:2] for asked in line.asked[:4]) == [(1, 1), (1, 2), (1, 3), (1, 4)]
    assert Asked(1, 3, 10, 23) in line.asked
    assert line.most_at_once == 1


async def test_each_request_is_asked_at_its_own_pace_without_drift(line: Counterpart) -> None:
    clock = HandClock()
    of = [
        *points("press-1", {"fast": {"register": "holding 0"}}, every_s=1.0),
        *points("press-2", {"slow": {"register": "holding 0"}}, every_s=3.0, unit=2),
    ]
    samples: list[Sample] = []
    async with running(driver(line.port, of, clock), samples):
        for second in range(9):
            await eventually(lambda: clock.is_idle)
            assert [asked.unit for asked in line.asked].count(1) == second + 1
            assert [asked.unit for asked in line.asked].count(2) == second // 3 + 1
            clock.advance(1.0)
        await eventually(lambda: clock.is_idle)
    assert len(samples) == len(line.asked)


async def test_while_nobody_takes_nothing_is_asked_and_missed_turns_are_counted(line: Counterpart) -> None:
    clock = HandClock()
    built = driver(line.port, points("press-1", {"it": {"register": "holding 0"}}, every_s=1.0), clock)
    async with opened(built) as samples:
        await anext(samples)
        clock.advance(10.0)
        assert len(line.asked) == 1
        await anext(samples)
        assert len(line.asked) == 2
        assert built.missed == 9
        again = asyncio.ensure_future(anext(samples))
        await eventually(lambda: clock.is_idle)
        assert len(line.asked) == 2, "what was missed must not be made up for"
        again.cancel()
    assert built.missed == 9


async def test_a_refused_address_is_read_around_and_remembered(line: Counterpart) -> None:
    unit = line.units[1]
    unit.illegal = {(3, 20)}
    unit.registers[3][:62] = range(62)
    of = points("press-1", {f"r{n}": {"register": f"holding {n}"} for n in range(62)})
    clock = HandClock()
    samples: list[Sample] = []
    with capture_logs() as logged:
        async with running(driver(line.port, of, clock), samples):
            for _ in range(8):
                await eventually(lambda: clock.is_idle)
                clock.advance(0.05)
            await eventually(lambda: clock.is_idle)
            samples.clear()
            line.asked.clear()
            clock.advance(0.05)
            await eventually(lambda: len(samples) == 3)
    seen = {point: row for sample in samples for point, row in rows(sample).items()}
    assert {point: row for point, row in seen.items() if point != 20} == {n: good(n) for n in range(62) if n != 20}
    assert math.isnan(seen[20][0])
    assert seen[20][1:] == (Quality.BAD, Status.ILLEGAL_ADDRESS)
    assert sorted(line.asked) == [Asked(1, 3, 0, 20), Asked(1, 3, 20, 1), Asked(1, 3, 21, 41)]
    assert [entry["event"] for entry in logged] == [
        "press-1.r20: holding 20 is refused (exception 2, illegal address); check the number, `type` and address_base"
    ]


async def test_a_hole_that_was_found_is_known_to_the_next_session_and_the_next_run(
    line: Counterpart, tmp_path: Path
) -> None:
    line.units[1].illegal = {(3, 20)}
    of = points("press-1", {f"r{n}": {"register": f"holding {n}"} for n in range(62)})
    built = driver(line.port, of, state=tmp_path)
    async with opened(built) as samples:
        await first(samples, 12)
    around = {Asked(1, 3, 0, 20), Asked(1, 3, 20, 1), Asked(1, 3, 21, 41)}
    for later in (built, driver(line.port, of, state=tmp_path)):
        line.asked.clear()
        async with opened(later) as samples:
            await first(samples, 3)
        assert set(line.asked) == around, "nothing that was refused is asked again"


async def test_a_plan_too_large_for_its_line_is_stretched_if_that_is_configured(line: Counterpart) -> None:
    """One request of 20 ms, asked for every 10 ms: the line can give it every 21."""
    clock = HandClock()
    of = points("press-1", {"it": {"register": "holding 0"}}, every_s=0.01)
    with capture_logs() as logged:
        built = driver(line.port, of, clock, turnaround="20ms", when_overloaded="stretch")
    assert logged[0]["event"] == "modbus periods stretched"
    assert logged[0]["factor"] == pytest.approx(2.11, abs=0.01)
    samples: list[Sample] = []
    async with running(built, samples):
        await eventually(lambda: clock.is_idle)
        clock.advance(0.015)
        await eventually(lambda: clock.is_idle)
        assert len(line.asked) == 1
        clock.advance(0.007)
        await eventually(lambda: len(line.asked) == 2)


async def test_what_happens_on_a_connection_is_counted(line: Counterpart) -> None:
    built = driver(line.port, points("press-1", {"it": {"register": "holding 0"}}), timeout="100ms")
    async with opened(built) as samples:
        await first(samples, 2)
        line.units[1].illegal = {(3, 0)}
        await anext(samples)
        line.units[1].illegal = set()
        line.mangle = lambda frame: b"\xff\xff" + frame[2:]
        await anext(samples)
        figures = built.figures()
    events = {event: count for event, count in figures.events.items() if count}
    assert events.pop("turn_missed", 0) >= 0
    assert events == {"answer_ok": 2, "answer_illegal_address": 1, "answer_stray_answer": 1, "noise_stray": 1}
    assert figures.busy_s > 0.1
    assert [(pace.device, pace.planned_s) for pace in figures.paces] == [("press-1", 0.05)]


async def test_a_device_that_reads_less_at_once_is_read_in_smaller_blocks(line: Counterpart) -> None:
    line.units[1].largest = 60
    line.units[1].registers[3][:100] = range(100)
    of = points("press-1", {f"r{n}": {"register": f"holding {n}"} for n in range(100)})
    async with opened(driver(line.port, of)) as samples:
        assert await first(samples, 4) == {n: good(n) for n in range(100)}
    assert [asked.count for asked in line.asked] == [100, 50, 50, 50, 50]


@pytest.mark.parametrize("code", [1, 4, 6, 8])
async def test_any_other_exception_is_told_with_its_code(line: Counterpart, code: int) -> None:
    line.units[1].illegal, line.units[1].refusal = {(3, 0)}, ExcCodes(code)
    of = points("press-1", {"a": {"register": "holding 0"}, "b": {"register": "holding 1"}})
    async with opened(driver(line.port, of)) as samples:
        seen = rows(await anext(samples))
        line.units[1].illegal = set()
        assert rows(await anext(samples)) == {0: good(0), 1: good(0)}
    assert [row[1:] for row in seen.values()] == [(Quality.BAD, code)] * 2


async def test_a_unit_that_falls_silent_is_told_as_bad_costs_the_others_little_and_is_found_again(
    line: Counterpart,
) -> None:
    of = [
        *points("press-1", {"it": {"register": "holding 0"}}, every_s=0.02),
        *points("press-2", {"a": {"register": "holding 0"}, "b": {"register": "input 0"}}, every_s=0.02, unit=2),
    ]
    samples: list[Sample] = []
    with capture_logs() as logged:
        async with running(driver(line.port, of, timeout="100ms"), samples):
            await eventually(lambda: {0, 1, 2} <= {point for sample in samples for point in rows(sample)})
            line.units[2].is_mute = True
            await eventually(lambda: any({1, 2} <= rows(sample).keys() for sample in samples))
            bad = next(rows(sample) for sample in samples if {1, 2} <= rows(sample).keys())
            assert {row[1:] for row in bad.values()} == {(Quality.BAD, Status.TIMEOUT)}
            # it cost 200 ms to find out; a share of 4 % leaves it alone for 2.5 s
            line.asked.clear()
            await eventually(lambda: len(line.asked) >= 40)
            assert {asked.unit for asked in line.asked} == {1}
            line.units[2].is_mute = False
            line.units[2].put(3, 0, ">H", 5)
            await eventually(lambda: good(5) in told(samples, 1)[-3:])
            line.asked.clear()
            await eventually(lambda: [asked.unit for asked in line.asked].count(2) >= 6)
            assert [asked.unit for asked in line.asked].count(1) >= 2, "back at its full rate"
    assert [entry["event"] for entry in logged] == [
        "modbus unit does not answer; asked again now and then",
        "modbus unit answers again",
    ]
    assert logged[0]["devices"] == ["press-2"]


async def test_when_no_unit_answers_any_more_the_session_is_over(line: Counterpart) -> None:
    of = [
        *points("press-1", {"it": {"register": "holding 0"}}),
        *points("press-2", {"it": {"register": "holding 0"}}, unit=2),
    ]
    samples: list[Sample] = []
    async with running(driver(line.port, of, timeout="100ms"), samples) as task:
        await eventually(lambda: bool(told(samples, 0) and told(samples, 1)))
        for unit in line.units.values():
            unit.is_mute = True
        with pytest.raises(DriverError, match=r"line: connected to .*, but no unit answers \(1, 2\)"):
            async with asyncio.timeout(PATIENCE_S):
                await task
    assert {told(samples, point)[-1][1:] for point in (0, 1)} == {(Quality.BAD, Status.TIMEOUT)}


async def test_a_session_does_not_begin_while_no_unit_answers(line: Counterpart) -> None:
    of = [
        *points("press-1", {"it": {"register": "holding 0"}}, every_s=3600.0),
        *points("press-2", {"a": {"register": "holding 0"}, "b": {"register": "input 0"}}, every_s=3600.0, unit=2),
    ]
    built = driver(line.port, of, timeout="100ms")
    for unit in line.units.values():
        unit.is_mute = True
    with pytest.raises(DriverError, match=r"no unit answers \(1, 2\)"):
        async with asyncio.timeout(PATIENCE_S):
            await built.open()
    await eventually(lambda: line.connections == 0)
    line.units[2].is_mute = False
    async with opened(built) as samples:
        assert (await first(samples, 2))[0][1:] == (Quality.BAD, Status.TIMEOUT)
        assert rows(await anext(samples)) == {2: good(0)}


async def test_what_a_session_began_with_is_handed_over_even_if_the_driver_finishes(line: Counterpart) -> None:
    built = driver(line.port, points("press-1", {"it": {"register": "holding 0"}}))
    await built.open()
    built.finish()
    assert [rows(sample) async for sample in built.samples()] == [{0: good(0)}]
    assert len(line.asked) == 1
    await built.close()


async def test_an_answer_lost_once_is_asked_for_again(line: Counterpart) -> None:
    line.units[1].is_mute = True
    line.units[1].put(3, 0, ">H", 3)
    samples: list[Sample] = []
    of = points("press-1", {"it": {"register": "holding 0"}}, every_s=3600.0)
    async with running(driver(line.port, of, timeout="100ms", retries=2), samples):
        await eventually(lambda: len(line.asked) == 2)
        line.units[1].is_mute = False
        await eventually(lambda: told(samples, 0) == [good(3)])
    assert len(line.asked) == 3


async def test_a_device_that_is_mute_about_one_register_still_gives_the_others(line: Counterpart) -> None:
    line.units[1].mute_at = {(3, 0)}
    line.units[1].put(3, 9, ">H", 2)
    line.units[1].put(4, 0, ">H", 3)
    of = points(
        "press-1", {"a": {"register": "holding 0"}, "b": {"register": "holding 9"}, "c": {"register": "input 0"}}
    )
    samples: list[Sample] = []
    with capture_logs() as logged:
        async with running(driver(line.port, of, timeout="100ms", retries=1), samples):
            await eventually(lambda: good(2) in told(samples, 1))
            await eventually(lambda: told(samples, 1)[-4:] == [good(2)] * 4)
            assert line.asked.count(Asked(1, 3, 0, 1)) == 1, "what is known to be mute is asked once, and seldom"
            assert told(samples, 2)[-1] == good(3)
    assert {row[1:] for row in told(samples, 0)} == {(Quality.BAD, Status.TIMEOUT)}
    assert logged[0]["event"].startswith("press-1: holding 0 to 9 is not answered, while its unit answers others")


async def test_a_short_answer_is_bad_and_says_what_was_expected(line: Counterpart) -> None:
    def shorten(frame: bytes) -> bytes:
        # of 4 registers the first two; header and byte count agree with that
        return frame[:4] + b"\0\7" + frame[6:8] + b"\4" + frame[9:13]

    line.mangle = shorten
    of = points("press-3", {"power": {"register": "holding 1", "type": "float64"}}, address_base=1)
    with capture_logs() as logged:
        async with opened(driver(line.port, of)) as samples:
            seen = [rows(await anext(samples)) for _ in range(2)]
    assert [row[0][1:] for row in seen] == [(Quality.BAD, Status.SHORT_ANSWER)] * 2
    assert [entry["event"] for entry in logged] == [
        "press-3.power: holding 1 answered 2 words, 4 expected; check `type`"
    ]


@pytest.mark.parametrize(
    "mangle",
    [
        lambda frame: frame[:5] + b"\7" + frame[6:8] + b"\4" + frame[9:11] + b"\0\0",  # longer than asked
        lambda frame: frame[:7] + b"\4" + frame[8:],  # of another table
        lambda frame: frame[:8] + b"\6" + frame[9:],  # whose byte count is wrong
    ],
    ids=["longer", "other table", "wrong count"],
)
async def test_an_answer_to_something_else_is_bad(line: Counterpart, mangle: Callable[[bytes], bytes]) -> None:
    line.mangle = mangle
    async with opened(driver(line.port, points("press-1", {"it": {"register": "holding 0"}}))) as samples:
        assert rows(await anext(samples))[0][1:] == (Quality.BAD, Status.ALIEN_ANSWER)
        line.mangle = bytes
        assert rows(await anext(samples))[0] == good(0)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda frame: frame[:6] + b"\x09" + frame[7:],  # another unit's
        lambda frame: b"\xff\xff" + frame[2:],  # to another request
    ],
    ids=["unit", "transaction"],
)
async def test_an_answer_that_is_not_ours_is_no_answer_and_said_so(
    line: Counterpart, mangle: Callable[[bytes], bytes]
) -> None:
    of = points("press-1", {"it": {"register": "holding 0"}})
    async with opened(driver(line.port, of, timeout="100ms")) as samples:
        await anext(samples)
        line.mangle = mangle
        assert rows(await anext(samples))[0][1:] == (Quality.BAD, Status.STRAY_ANSWER)
        line.mangle = bytes
        assert rows(await anext(samples))[0] == good(0)


async def test_a_stream_out_of_step_ends_the_session_at_once(line: Counterpart) -> None:
    of = points("press-1", {"it": {"register": "holding 0"}})
    async with opened(driver(line.port, of, timeout="60s")) as samples:
        await anext(samples)
        line.mangle = lambda frame: frame[1:]
        with pytest.raises(DriverError, match=r"line: .* closed the connection"):
            await anext(samples)


async def test_an_answer_without_a_meaning_is_bad_and_the_session_lives(line: Counterpart) -> None:
    of = points("press-1", {"it": {"register": "holding 0"}})
    async with opened(driver(line.port, of, timeout="100ms")) as samples:
        await anext(samples)
        line.mangle = lambda frame: frame[:7] + b"\x63" + frame[8:]
        assert rows(await anext(samples))[0][1:] == (Quality.BAD, Status.ALIEN_ANSWER)
        line.mangle = bytes
        assert rows(await anext(samples))[0] == good(0)


async def test_a_connection_that_breaks_between_two_turns_is_told_at_once(line: Counterpart) -> None:
    samples: list[Sample] = []
    of = points("press-1", {"it": {"register": "holding 0"}}, every_s=3600.0)
    async with running(driver(line.port, of), samples) as task:
        await eventually(lambda: len(samples) == 1)
        await line.stop()
        with pytest.raises(DriverError, match="closed the connection"):
            async with asyncio.timeout(PATIENCE_S):
                await task


async def test_a_connection_that_breaks_is_not_made_again_behind_the_stations_back(line: Counterpart) -> None:
    samples: list[Sample] = []
    of = points("press-1", {"it": {"register": "holding 0"}})
    async with running(driver(line.port, of, timeout="500ms"), samples) as task:
        await eventually(lambda: len(samples) > 1)
        line.units[1].answers.clear()
        await eventually(lambda: line.under_way == 1)
        await line.stop()
        await line.start()
        await asyncio.wait([task], timeout=PATIENCE_S)
        assert isinstance(task.exception(), DriverError)
        assert line.connections == 0
    line.units[1].answers.set()


async def test_an_answer_in_flight_is_handed_over_when_the_driver_finishes(line: Counterpart) -> None:
    built = driver(line.port, points("press-1", {"it": {"register": "holding 0"}}), timeout="5s")
    samples: list[Sample] = []
    async with running(built, samples) as task:
        await eventually(lambda: len(samples) > 2)
        line.units[1].answers.clear()
        await eventually(lambda: len(line.asked) == len(samples) + 1)
        built.finish()
        line.units[1].put(3, 0, ">H", 99)
        line.units[1].answers.set()
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert told(samples, 0)[-1] == good(99)
    assert len(samples) == len(line.asked), "what was answered must be what was handed over"


async def test_a_driver_that_finishes_while_it_waits_for_a_turn_asks_no_more(line: Counterpart) -> None:
    clock = HandClock()
    built = driver(line.port, points("press-1", {"it": {"register": "holding 0"}}), clock)
    samples: list[Sample] = []
    async with running(built, samples) as task:
        await eventually(lambda: clock.is_idle)
        built.finish()
        built.finish()
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert len(samples) == len(line.asked) == 1


async def test_a_driver_that_finishes_does_not_repeat_what_is_not_answered(line: Counterpart) -> None:
    line.units[1].is_mute = True
    built = driver(line.port, points("press-1", {"it": {"register": "holding 0"}}), timeout="100ms", retries=10)
    samples: list[Sample] = []
    async with running(built, samples) as task:
        await eventually(lambda: len(line.asked) == 1)
        built.finish()
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert len(line.asked) == 1
    assert samples == []


async def test_a_request_cancelled_in_flight_leaves_the_session_fit_for_use(line: Counterpart) -> None:
    unit = line.units[1]
    built = driver(line.port, points("press-1", {"it": {"register": "holding 0"}}), timeout="5s")
    async with opened(built) as samples:
        await anext(samples)
        unit.put(3, 0, ">H", 1)
        unit.answers.clear()
        taken = asyncio.ensure_future(anext(samples))
        await eventually(lambda: line.under_way == 1)
        taken.cancel()
        await asyncio.wait([taken])
        unit.answers.set()
        await eventually(lambda: not line.under_way)
        unit.put(3, 0, ">H", 2)
        again = aiter(built.samples())
        assert [rows(await anext(again))[0] for _ in range(3)] == [good(2)] * 3


async def test_a_device_that_needs_rest_gets_it(line: Counterpart) -> None:
    of = points(
        "press-1",
        {"a": {"register": "holding 0"}, "b": {"register": "input 0"}},
        every_s=0.01,
        read={"pause": "60ms"},
    )
    async with opened(driver(line.port, of)) as samples:
        await first(samples, 4)
    pauses = [after - before for before, after in zip(line.times, line.times[1:], strict=False)]
    assert min(pauses[:3]) >= 0.059


async def test_periods_do_not_share_a_request(line: Counterpart) -> None:
    of = [
        *points("press-1", {"fast": {"register": "holding 0"}}, every_s=0.02),
        *points("press-1", {"slow": {"register": "holding 1"}}, every_s=30.0),
    ]
    async with opened(driver(line.port, of)) as samples:
        await first(samples, 4)
    assert [asked.address for asked in line.asked].count(1) == 1


async def test_a_driver_without_points_asks_nothing_and_ends_softly(line: Counterpart) -> None:
    built = driver(line.port, [])
    samples: list[Sample] = []
    async with running(built, samples) as task:
        await eventually(lambda: line.connections == 1)
        built.finish()
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert samples == []


async def test_a_point_without_a_period_is_a_mistake_in_the_configuration(line: Counterpart) -> None:
    with pytest.raises(ConfigError, match=r"press-1\.it: Modbus is polled"):
        driver(line.port, points("press-1", {"it": {"register": "holding 0"}}, every_s=0.0))


async def test_samples_before_opening_are_an_error(line: Counterpart) -> None:
    with pytest.raises(DriverError, match="line: no session is open"):
        await anext(aiter(driver(line.port, []).samples()))
