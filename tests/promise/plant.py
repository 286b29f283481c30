"""A small plant for one whole gateway in hasty time: Modbus devices that count, a cloud, and the plant's own ledger.

Every answer of a device bears a number of its own, so that each reading is told from every other. What a device has
answered must be a row, once, in order and at its time; and where a device has no rows for longer than it should, a row
of quality bad or a gap must say so at once.
"""

import asyncio
import contextlib
import gc
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from edge import gateway
from edge.settings import known_drivers, load
from edge.state import StateDirectory
from shared.reading import Quality
from shared.wire import batch as wire
from simulators.demo.audit import Row, compare
from simulators.ledger import Entry
from tests.fakes.http_cloud import HttpCloud
from tests.integration.edge.drivers.modbus.counterpart import Counterpart
from tests.promise.haste import LoopClock

EVERY_S = 2.0
HONEST = "edge.drivers.modbus.driver:build"
# longer than a turn, as on a line whose devices need their time: who is asked and silent costs others theirs
_TIMEOUT = "3s"
# a turn, and the two waits for an answer that does not come
SOON_US = 9_000_000
# the gateway reads wall clock and monotonic clock one after the other, and a busy machine may come between
_APART_US = 1_000_000
# what is kept is kept in memory: nothing here is about the disk, and every flush would be waited for
FAST = Path("/dev/shm")


class Line(Counterpart):
    """A Modbus server whose units count their answers.

    Attributes:
        said: What was answered, in order.
        slow_s: How long a unit thinks.
        lies: What its answers are made of instead, one after the other.
    """

    def __init__(self, clock: LoopClock, name: str, units: int) -> None:
        super().__init__(*range(1, units + 1))
        self.name = name
        self.said: list[Entry] = []
        self.slow_s: dict[int, float] = {}
        self.lies: list[Callable[[bytes], bytes]] = []
        self.lied = 0
        self._clock = clock
        self._counts: Counter[int] = Counter()

    def device(self, unit: int) -> str:
        return f"{self.name}-{unit}"

    async def _answer(self, number, unit, function, start, address, count, registers, written):
        await asyncio.sleep(self.slow_s.get(number, 0.0))
        self.mangle = bytes
        if self.lies:
            self.mangle = self.lies[self.lied % len(self.lies)]
            self.lied += 1
        elif not unit.is_mute:
            self._counts[number] += 1
            unit.put(3, 0, ">I", self._counts[number])
            said_us = self._clock.now_us()
            self.said.append(Entry(self.device(number), "count", 0, float(self._counts[number]), said_us))
        return await super()._answer(number, unit, function, start, address, count, registers, written)


@dataclass(frozen=True, slots=True)
class Span:
    """Of whom a gap says that something is missing, and when."""

    device: str | None
    from_us: int
    to_us: int

    def covers(self, device: str, from_us: int, to_us: int) -> bool:
        return self.device in {None, device} and self.from_us <= from_us and to_us <= self.to_us


class Plant:
    """What there is, and what came of it; made by `working`."""

    def __init__(self, clock: LoopClock, cloud: HttpCloud, lines: Sequence[Line]) -> None:
        self.clock, self.cloud, self.lines = clock, cloud, lines
        self._decoded: list[wire.Batch] = []

    def devices(self) -> list[str]:
        """Return the devices of all lines."""
        return [line.device(unit) for line in self.lines for unit in line.units]

    def said(self, device: str) -> list[Entry]:
        """Return the ledger of a device."""
        return [entry for line in self.lines for entry in line.said if entry.device == device]

    def rows(self, device: str) -> list[Row]:
        """Return the rows of a device; those of quality bad have no value."""
        return sorted((row for row in self._rows() if row.device == device), key=lambda row: row.ts_us)

    def rate(self, device: str, from_us: int, to_us: int) -> float:
        """Return how many good rows a second a device has within a time."""
        good = sum(row.value is not None and from_us <= row.ts_us < to_us for row in self.rows(device))
        return good / (to_us - from_us) * 1e6

    def breaches(self) -> dict[str, list[str]]:
        """Return by device what is not as promised, in words; no device of which all is well."""
        found = {device: [*self._wrong(device), *self._unsaid(device)] for device in self.devices()}
        return {device: words for device, words in found.items() if words}

    def _wrong(self, device: str) -> Iterator[str]:
        said, rows = self.said(device), self.rows(device)
        verdict = compare(said, rows)
        counts = {"twice": verdict.duplicated, "out of nothing": verdict.foreign, "disordered": verdict.disordered}
        stored = {row.value: row.ts_us for row in rows}
        lost = [entry for entry in said if entry.value not in stored and not self._is_told(device, entry.said_us)]
        counts["lost"] = len(lost)
        yield from (f"{count} {words}" for words, count in counts.items() if count)
        for entry in said:
            late_us = stored.get(entry.value, entry.said_us) - entry.said_us
            if not -_APART_US <= late_us < SOON_US:
                yield f"{entry.value:g} bears a time {late_us} us after it was said"

    def _unsaid(self, device: str) -> Iterator[str]:
        rows = self.rows(device)
        for one, next_one in pairwise(rows):
            soon_us = one.ts_us + SOON_US
            is_hole = one.value is not None and next_one.ts_us > soon_us
            if is_hole and not any(span.covers(device, soon_us, next_one.ts_us) for span in self._spans()):
                yield f"nothing is told of {(next_one.ts_us - one.ts_us) / 1e6:.1f} s"

    def _is_told(self, device: str, at_us: int) -> bool:
        return any(span.covers(device, at_us, at_us) for span in self._spans())

    def _rows(self) -> Iterator[Row]:
        for batch in self._batches():
            columns = (batch.readings.tag, batch.readings.ts, batch.readings.value, batch.readings.quality)
            for tag, ts_us, value, quality in zip(*(column.tolist() for column in columns), strict=True):
                of = batch.tags[tag]
                yield Row(of.device, of.name, ts_us, None if quality == Quality.BAD else value)

    def _batches(self) -> list[wire.Batch]:
        bodies = self.cloud.cloud.bodies()
        self._decoded += map(wire.decode, bodies[len(self._decoded) :])
        return self._decoded

    def _spans(self) -> list[Span]:
        gaps = [gap for batch in self._batches() for gap in batch.gaps]
        latest = {gap.id or object(): gap for gap in sorted(gaps, key=lambda gap: gap.revision)}
        return [Span(gap.device, gap.from_us, gap.to_us) for gap in latest.values()]


@contextlib.asynccontextmanager
async def working(directory: Path, units: Sequence[int], factory: str = HONEST) -> AsyncIterator[Plant]:
    """Run a gateway before a plant until the block ends, and stop it in order.

    Args:
        directory: Where the gateway works.
        units: How many devices are on each line.
        factory: What builds its drivers.
    """
    clock = LoopClock()
    lines = [Line(clock, f"line-{number}", count) for number, count in enumerate(units, 1)]
    for line in lines:
        await line.start()
    drivers = known_drivers()
    drivers["modbus"] = replace(drivers["modbus"], factory=factory)
    async with HttpCloud().serving() as cloud, asyncio.TaskGroup() as tasks:
        environ = {"TOKEN": "the-token-of-this-test"}
        settings = load(_written(directory, cloud.url, lines), environ, drivers)
        running = tasks.create_task(gateway.run(settings, StateDirectory(directory / "state"), clock, environ))
        try:
            yield Plant(clock, cloud, lines)
        finally:
            if not running.done():
                signal.raise_signal(signal.SIGTERM)
            await running
            # the daemon keeps what it loaded from being collected, which is nothing for a test run
            gc.unfreeze()
            for line in lines:
                await line.stop()


def _written(directory: Path, cloud_url: str, lines: Sequence[Line]) -> Path:
    path = directory / "edge.yaml"
    text = [
        "version: 1",
        "gateway: {id: hall-2}",
        f'cloud: {{url: "{cloud_url}", token: "${{env:TOKEN}}"}}',
        "buffer: {path: state/buffer.db, max_size: 20 MB}",
        'health: {listen: "127.0.0.1:0"}',
        f"defaults: {{every: {EVERY_S:g}s}}",
        "connections:",
        *(f"  {line.name}: {{modbus: tcp, host: 127.0.0.1, port: {line.port}, timeout: {_TIMEOUT}}}" for line in lines),
        "devices:",
    ]
    for line in lines:
        for unit in line.units:
            text.append(f"  - name: {line.device(unit)}")
            text.append(f"    on: {line.name}")
            text.append(f"    unit: {unit}")
            text.append("    tags: {count: {register: holding 0, type: uint32}}")
    path.write_text("\n".join(text), encoding="utf-8")
    return path
