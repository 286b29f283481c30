"""After an outage: how fast a gateway's backlog drains while its plant goes on, and how old the present is meanwhile.

A plant of 10,000 readings a second - 1,000 tags, ten times a second - was cut off; what it said meanwhile is in the
gateway's buffer on disk. Then the cloud is back: buffer and shipper as the daemon has them send over HTTP, while 10,000
readings a second go on arriving. Cloud, its rollups and PostgreSQL are what is installed, on the same cores. Asked is
that the backlog drains at 20 times real time at least, and that the newest value in the database is never (99 % of
looks) older than 2 s. The baseline of the factor is real time itself: an outage of as long as it took to drain is 1.

An outage of 24 hours is 864 million readings and takes 70 minutes at that factor. `BENCH_OUTAGE_S` (300) is how long it
was instead; neither a lease nor a COPY looks at what lies behind it, so the factor does not depend on it (`growth`
shows that of the table). The whole run is `BENCH_OUTAGE_S=86400 make bench ARGS=drain`, with 100 GB for it.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psycopg

from bench.served import Served, served
from bench.verdict import Verdicts
from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from edge.loop import new_event_loop
from edge.sync.https import HttpsUplink
from edge.sync.shipper import Shipper
from shared import logs
from shared.reading import Readings, ReadingType, Tag

OUTAGE_S = float(os.environ.get("BENCH_OUTAGE_S", "300"))
RATE = 10_000
ROWS = 1_000
TAGS = [Tag(f"press-{n // 20:02}", f"signal-{n % 20}", None, ReadingType.TEMPERATURE, "Cel") for n in range(ROWS)]
AT_LEAST_FACTOR, AT_MOST_LAG_S = 20.0, 2.0
LOOK_S = 0.1


def block(at_us: int, seed: int) -> Readings:
    """Return one reading of each tag, as they are at a time."""
    rng = np.random.default_rng(seed)
    tag = np.arange(ROWS, dtype=np.uint32)
    ts = at_us - rng.integers(0, 4000, ROWS)
    zeros = np.zeros(ROWS, np.uint8)
    value = np.round(20 + tag % 7 + rng.normal(0, 0.3, ROWS), 1)
    return Readings(tag, ts, np.full(ROWS, at_us, np.int64), value, zeros, zeros, np.zeros(ROWS, np.uint32))


def now_us() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1000


class Plant:
    """What goes on being read."""

    def __init__(self, buffer: SqliteBuffer) -> None:
        self._buffer = buffer
        self.said = 0

    async def fill(self) -> None:
        """Put the outage's readings into the buffer."""
        first = now_us() - int(OUTAGE_S * 1e6)
        for number in range(int(OUTAGE_S * RATE) // ROWS):
            await self._buffer.append(block(first + number * 1_000_000 * ROWS // RATE, number))
            self.said += ROWS
        await self._buffer.flush()

    async def go_on(self) -> None:
        """Say what is true now, at the plant's rate, until cancelled."""
        began, number = time.perf_counter(), 0
        while True:
            await asyncio.sleep(max(0.0, began + number * ROWS / RATE - time.perf_counter()))
            await self._buffer.append(block(now_us(), number))
            self.said += ROWS
            number += 1


async def watch(url: str, ages_s: list[float]) -> None:
    """Look again and again how old the newest value in the database is."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            await asyncio.sleep(LOOK_S)
            found = await connection.execute("SELECT extract(epoch FROM now() - max(as_of))::float8 FROM latest")
            [age] = await found.fetchone()
            if age is not None:
                ages_s.append(age)


async def drained(cloud: Served, token: str, directory: Path) -> int:
    """Fill, drain and print; returns the exit code."""
    ages_s: list[float] = []
    clock = SystemClock()
    buffer = await SqliteBuffer.open(directory / "buffer.db", max_bytes=20 * 10**9, gateway="bench", clock=clock)
    buffer.register(TAGS)
    plant = Plant(buffer)
    async with HttpsUplink(f"http://127.0.0.1:{cloud.port}", token) as uplink, asyncio.TaskGroup() as tasks:
        tasks.create_task(buffer.run())
        await plant.fill()
        backlog = buffer.stats().rows
        going_on = tasks.create_task(plant.go_on())
        cpu, own, began = cloud.cpu(), time.process_time(), time.perf_counter()
        shipper = Shipper(buffer, uplink, clock)
        shipping = tasks.create_task(shipper.run())
        await asyncio.sleep(2)  # from then on there is a present in the database
        watching = tasks.create_task(watch(cloud.url, ages_s))
        # what is left is the last second of the present
        while shipper.status().rows < backlog or buffer.stats().rows > 2 * RATE:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)
        took, shipped = time.perf_counter() - began, shipper.status().rows
        spent = {"edge": time.process_time() - own}
        spent |= {side: used - cpu[side] for side, used in cloud.cpu().items()}
        watching.cancel()
        going_on.cancel()
        await buffer.flush()
        await shipper.drain(30)
        shipping.cancel()
        await buffer.close()
    with psycopg.connect(cloud.url) as connection:
        [stored] = connection.execute("SELECT count(*) FROM reading").fetchone()
    assert stored == plant.said, f"{stored:,} readings are stored, {plant.said:,} were said"
    fresh = shipped - backlog
    print(f"{backlog:,} readings of {OUTAGE_S:.0f} s drained in {took:.1f} s, {fresh:,} new ones beside them")
    print(f"{shipped / took:,.0f} readings/s in all; {len(ages_s)} looks, the median {np.median(ages_s):.2f} s old")
    for side, seconds in spent.items():
        print(f"CPU     {side:<11} {seconds / took:5.2f} cores   {seconds / shipped * 1e6:6.2f} s a million readings")
    asked = Verdicts()
    asked.at_least("backlog drained, times real time", OUTAGE_S / took, AT_LEAST_FACTOR)
    asked.at_most(
        "age of the newest value meanwhile, 99th percentile", float(np.quantile(ages_s, 0.99)), AT_MOST_LAG_S, " s"
    )
    return asked.exit_code()


def main() -> int:
    """Measure and print; the exit code tells whether what is asked was reached."""
    logs.configure("console", "ERROR")
    with served() as cloud, tempfile.TemporaryDirectory(prefix="tz-bench-") as directory:
        [token] = cloud.register(["bench"])
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(drained(cloud, token, Path(directory)))


if __name__ == "__main__":
    sys.exit(main())
