"""A running gateway whose machine's clock jumps, by libfaketime: nothing is lost, doubled or reordered, and it is told.

Debian's package `faketime` has the library; without it these tests are left out, unless TEZGAH_TEST_NOTHING_SKIPPED=1
says that everything must be there.
"""

import os
import signal
import time
from pathlib import Path

import pytest

from shared.reading import Flag, GapCause
from shared.wire import batch as wire
from tests.integration.edge.daemon import Daemon, HttpCloud, daemon, eventually
from tests.integration.edge.drivers.modbus.counterpart import Counterpart
from tests.integration.edge.test_daemon import cloud, line, written

__all__ = ["cloud", "line"]
FOUND = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
WAYS = ["libfaketime"] if FOUND or os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1" else []
S = 1_000_000
DAY = 86_400


class Hands:
    """Moves the wall clock of a process that was started with `environ`."""

    def __init__(self, path: Path) -> None:
        assert FOUND, "faketime is not installed, and TEZGAH_TEST_NOTHING_SKIPPED=1 forbids to go without"
        self._path = path
        self.set(0)

    def set(self, seconds: int) -> None:
        """Let it be so much ahead of the right time."""
        ready = self._path.with_suffix(".new")
        ready.write_text(f"{seconds:+d}\n", encoding="ascii")
        ready.replace(self._path)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(FOUND[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


async def counted(line: Counterpart, first: int, count: int) -> None:
    """Let the device count on, each number long enough that it is read."""
    for number in range(first, first + count):
        line.units[1].put(3, 0, ">I", number)
        seen = len(line.asked)
        await eventually(lambda seen=seen: len(line.asked) >= seen + 3)


async def arrived(cloud: HttpCloud, until: int) -> None:
    """Wait until all that the device counted is there; a disk that is slow makes a stop leave some for later."""
    await eventually(lambda: {number for number, _, _ in counts(cloud)} >= set(range(1, until + 1)))


async def steps(running: Daemon, count: int) -> None:
    await eventually(lambda: running.log.count("] the clock was set") >= count)


def counts(cloud: HttpCloud) -> list[tuple[float, int, int]]:
    """Number, receive time and flags of everything that the device counted, in the order of the numbers."""
    found = []
    for body in cloud.memory.batches.values():
        batch = wire.decode(body)
        readings = batch.readings
        names = [batch.tags[tag].name for tag in readings.tag.tolist()]
        rows = zip(names, readings.value.tolist(), readings.received.tolist(), readings.flags.tolist(), strict=True)
        found += [(value, received, flags) for name, value, received, flags in rows if name == "count"]
    return sorted(row for row in found if row[0] == row[0] and row[0])


@pytest.mark.parametrize("way", WAYS)
async def test_a_clock_that_jumps_forward_and_back_is_told_with_the_amount_and_costs_nothing(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud, way: str
) -> None:
    hands = Hands(tmp_path / "faketime")
    async with daemon(written(tmp_path, cloud.url, line.port), **hands.environ) as running:
        await eventually(running.is_ok)
        await counted(line, 1, 3)
        for step, ahead in enumerate((DAY, -7200), start=1):
            hands.set(ahead)
            await steps(running, step)
            await counted(line, 3 * step + 1, 3)
            assert await running.is_ok()
        await arrived(cloud, 9)
        code, _ = await running.stop()
        assert code == 0, running.log
    found = counts(cloud)
    assert [number for number, _, _ in found] == [float(number) for number in range(1, 10)], "each once"
    # by the clock of their time; none waits for a clock that comes back to where it was
    now_us = time.time_ns() // 1000
    ahead_s = [round((received - now_us) / S / 60) for _, received, _ in found]
    assert all(abs(each - whole) < 5 for each, whole in zip(ahead_s, [0] * 3 + [1440] * 3 + [-120] * 3, strict=True))
    forward, back = [gap for gap in cloud.gaps() if gap.cause is GapCause.CLOCK_STEP]
    assert forward.to_us - forward.from_us == pytest.approx(DAY * S, abs=2 * S)
    assert back.to_us - back.from_us == pytest.approx(-(DAY + 7200) * S, abs=2 * S)
    assert "forward by 86" in forward.detail
    assert "back by 93" in back.detail
    # nothing was stale, nobody was lost
    assert {gap.cause for gap in cloud.gaps()} == {GapCause.CLOCK_STEP}


@pytest.mark.parametrize("way", WAYS)
async def test_a_clock_that_falls_to_1970_is_not_believed_and_what_was_read_meanwhile_has_its_time_in_the_end(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud, way: str
) -> None:
    hands = Hands(tmp_path / "faketime")
    async with daemon(written(tmp_path, cloud.url, line.port), **hands.environ) as running:
        await eventually(running.is_ok)
        await counted(line, 1, 2)
        hands.set(-int(time.time()) + 100)
        await steps(running, 1)
        await counted(line, 3, 3)
        # an hour later than it was counted on
        hands.set(3600)
        await steps(running, 2)
        await counted(line, 6, 2)
        await arrived(cloud, 7)
        await running.stop()
    found = counts(cloud)
    assert [number for number, _, _ in found] == [float(number) for number in range(1, 8)], "each once"
    now_us = time.time_ns() // 1000
    hours = [round((received - now_us) / S / 3600) for _, received, _ in found]
    assert hours == [0, 0, 1, 1, 1, 1, 1]
    times = [received for _, received, _ in found]
    assert times == sorted(times)
    assert [flags for _, _, flags in found] == [0, 0, *[Flag.TIME_REBASED] * 3, 0, 0]


@pytest.mark.parametrize("way", WAYS)
async def test_a_gateway_that_starts_in_1970_goes_on_from_its_last_sign_of_life_and_is_put_right(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud, way: str
) -> None:
    hands = Hands(tmp_path / "faketime")
    path = written(tmp_path, cloud.url, line.port)
    async with daemon(path, **hands.environ) as running:
        await eventually(running.is_ok)
        await counted(line, 1, 2)
        await running.stop()
    hands.set(-int(time.time()) + 100)
    async with daemon(path, **hands.environ) as running:
        await eventually(running.runs)
        await counted(line, 3, 2)
        await running.stop(signal.SIGKILL)
    # and once more within the same boot of the machine
    async with daemon(path, **hands.environ) as running:
        await eventually(running.runs)
        await counted(line, 5, 1)
        assert {number for number, _, _ in counts(cloud)} == {1, 2}, "it waits for the clock"
        hands.set(DAY)
        await steps(running, 1)
        await counted(line, 6, 2)
        await arrived(cloud, 7)
        await running.stop()
    found = counts(cloud)
    assert sorted({number for number, _, _ in found}) == [float(number) for number in range(1, 8)]
    now_us = time.time_ns() // 1000
    late = [row for row in found if row[0] >= 3]
    assert {round((received - now_us) / S / DAY) for _, received, _ in late} == {1}
    down = [gap for gap in cloud.gaps() if gap.cause is GapCause.GATEWAY_DOWN and gap.device and not gap.is_open]
    # the day is part of the hole, whatever the clock said when it ended
    assert max(gap.to_us - gap.from_us for gap in down) == pytest.approx(DAY * S, rel=0.01)
