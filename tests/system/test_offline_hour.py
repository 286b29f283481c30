"""An hour without the cloud, on a clock moved by hand: all of it is kept, and brought in order afterwards."""

import asyncio
from contextlib import suppress
from pathlib import Path

import psycopg

from edge.buffer.sqlite import SqliteBuffer
from edge.errors import Unreachable
from edge.ports import Lease
from edge.sync.https import HttpsUplink
from edge.sync.shipper import Shipper
from shared.reading import ReadingType, Tag, from_rows
from shared.wire.receipt import Receipt
from simulators.demo.seed import GATEWAY
from simulators.demo.stack import Stack
from simulators.plant import plant
from tests.fakes.clock import HandClock

HOUR_S = 3600
START_US = 1_795_000_000_000_000
DEVICE = "offline-press"


class Cable:
    """The uplink behind a cable that can be unplugged; notes which batches arrived."""

    def __init__(self, uplink: HttpsUplink) -> None:
        self._uplink = uplink
        self.is_plugged = False
        self.arrived: list[int] = []
        self.close = uplink.close

    async def send(self, lease: Lease) -> Receipt:
        if not self.is_plugged:
            raise Unreachable("the cable is unplugged")
        receipt = await self._uplink.send(lease)
        self.arrived.append(lease.id.seq)
        return receipt


async def test_an_hour_offline_is_kept_and_drained_in_order_each_reading_once(
    stack: Stack, tmp_path: Path, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    machine = plant(1)[0]
    tags = [Tag(DEVICE, signal.name, None, ReadingType(signal.reading_type)) for signal in machine.signals]
    clock = HandClock(START_US)
    buffer = await SqliteBuffer.open(tmp_path / "buffer.db", max_bytes=100_000_000, gateway=GATEWAY, clock=clock)
    ids = buffer.register(tags)
    said: list[list[float]] = []

    async def say() -> None:
        now_us = clock.now_us()
        machine.advance(now_us)
        said.append(machine.values())
        await buffer.append(from_rows(ids, [now_us] * len(ids), now_us, said[-1]))

    token = stack.workspace.secret("gateway-token")
    async with HttpsUplink(f"http://127.0.0.1:{stack.ports.api}", token) as uplink, asyncio.TaskGroup() as tasks:
        cable = Cable(uplink)
        shipper = Shipper(buffer, cable, clock)
        tasks.create_task(buffer.run())
        shipping = tasks.create_task(shipper.run())
        for _ in range(HOUR_S):
            await say()
            await clock.advance(1)
        await buffer.flush()
        kept = buffer.stats()
        assert (kept.rows, cable.arrived) == (HOUR_S * len(ids), [])

        cable.is_plugged = True
        await clock.until(lambda: cable.arrived)
        # what is said now is live, and goes before what is left of the hour
        await say()
        await buffer.flush()
        before, left = len(cable.arrived), buffer.stats().batches
        await clock.until(lambda: buffer.stats().rows == 0)
        shipping.cancel()
        with suppress(asyncio.CancelledError):
            await shipping
        await buffer.close()

    live = max(cable.arrived)
    assert left > 50
    assert cable.arrived.index(live) - before < left // 3
    backlog = [seq for seq in cable.arrived if seq != live]
    assert sorted(backlog) == list(range(live))
    # requests overlap, so neighbours may arrive in either order
    assert max(abs(place - seq) for place, seq in enumerate(backlog)) <= 3
    rows = database.execute(
        "SELECT name, value FROM reading JOIN tag ON tag.id = tag_id WHERE device = %s ORDER BY name, ts, n", (DEVICE,)
    ).fetchall()
    names = [signal.name for signal in machine.signals]
    expected = [(name, values[names.index(name)]) for name in sorted(names) for values in said]
    assert rows == expected
