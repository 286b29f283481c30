"""An hour without the cloud, on a clock moved by hand: all of it is kept, and brought in order afterwards."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from edge.buffer.sqlite import SqliteBuffer
from edge.errors import Unreachable
from edge.ports import Lease
from edge.sync.https import HttpsUplink
from edge.sync.shipper import MAX_IN_FLIGHT, Shipper
from shared.reading import ReadingType, Tag, from_rows
from shared.wire.receipt import Outcome, Receipt
from simulators.demo.seed import GATEWAY
from simulators.demo.stack import Stack
from simulators.plant import plant
from tests.fakes.clock import HandClock

Database = psycopg.Connection[tuple[object, ...]]
HOUR_S = 3600
START_US = 1_795_000_000_000_000
# batches that may overtake another: requests overlap, and one that fails waits before it is sent again
OVERTAKING = 10


class Cable:
    """The uplink behind a cable that can be unplugged; notes which batches arrived, and which could not.

    One that `lies` once gives a receipt for what it did not carry.
    """

    def __init__(self, uplink: HttpsUplink, *, lies: bool) -> None:
        self._uplink = uplink
        self._lies = lies
        self.is_plugged = False
        self.arrived: list[int] = []
        self.tried_in_vain: set[int] = set()
        self.close = uplink.close

    async def send(self, lease: Lease) -> Receipt:
        if not self.is_plugged:
            self.tried_in_vain.add(lease.id.seq)
            raise Unreachable("the cable is unplugged")
        if self._lies:
            self._lies = False
            return Receipt(str(lease.id.epoch), lease.id.seq, Outcome.STORED, lease.rows)
        receipt = await self._uplink.send(lease)
        self.arrived.append(lease.id.seq)
        return receipt


@dataclass
class Hour:
    """What an offline hour came to. `live_after`: how many others arrived before the live batch did."""

    said: list[tuple[str, float]]
    rows: list[tuple[object, ...]]
    cable: Cable
    waiting: int
    live_after: int


async def offline_hour(stack: Stack, directory: Path, database: Database, device: str, *, lies: bool) -> Hour:
    """Let a machine speak once a second for an hour while the cable is unplugged, then plug it in."""
    machine = plant(1)[0]
    names = [signal.name for signal in machine.signals]
    tags = [Tag(device, signal.name, None, ReadingType(signal.reading_type)) for signal in machine.signals]
    clock = HandClock(START_US)
    buffer = await SqliteBuffer.open(directory / "buffer.db", max_bytes=100_000_000, gateway=GATEWAY, clock=clock)
    ids = buffer.register(tags)
    said: list[list[float]] = []

    async def say() -> None:
        now_us = clock.now_us()
        machine.advance(now_us)
        said.append(machine.values())
        await buffer.append(from_rows(ids, [now_us] * len(ids), now_us, said[-1]))

    token = stack.workspace.secret("gateway-token")
    async with HttpsUplink(f"http://127.0.0.1:{stack.ports.api}", token) as uplink, asyncio.TaskGroup() as tasks:
        cable = Cable(uplink, lies=lies)
        tasks.create_task(buffer.run())
        shipping = tasks.create_task(Shipper(buffer, cable, clock).run())
        for _ in range(HOUR_S):
            await say()
            await clock.advance(1)
        await buffer.flush()
        assert (buffer.stats().rows, cable.arrived) == (HOUR_S * len(ids), [])
        # the hour's last batch is live for ten seconds, and would go before the others
        await clock.advance(11)

        cable.is_plugged = True
        await clock.until(lambda: cable.arrived)
        await say()
        await buffer.flush()
        before, waiting = len(cable.arrived), buffer.stats().batches
        await clock.until(lambda: buffer.stats().rows == 0)
        shipping.cancel()
        with suppress(asyncio.CancelledError):
            await shipping
        await buffer.close()
    rows = database.execute(
        "SELECT name, value FROM reading JOIN tag ON tag.id = tag_id WHERE device = %s ORDER BY name, ts, n", (device,)
    ).fetchall()
    expected = [(name, values[names.index(name)]) for name in sorted(names) for values in said]
    return Hour(expected, rows, cable, waiting, cable.arrived.index(max(cable.arrived)) - before)


async def test_an_hour_offline_is_kept_and_drained_in_order_each_reading_once(
    stack: Stack, tmp_path: Path, database: Database
) -> None:
    hour = await offline_hour(stack, tmp_path, database, "offline-press", lies=False)
    assert hour.rows == hour.said
    arrived, tried = hour.cable.arrived, hour.cable.tried_in_vain
    assert sorted(arrived) == list(range(1, max(arrived) + 1))
    # what is said when the cloud is back goes before what is left of the hour
    assert hour.live_after < hour.waiting // 3
    # the few that were tried all the hour come when their pause is over, the others in the order of the hour
    assert len(tried) <= MAX_IN_FLIGHT
    backlog = [seq for seq in arrived if seq != max(arrived) and seq not in tried]
    in_order = sorted(backlog)
    assert max(abs(place - in_order.index(seq)) for place, seq in enumerate(backlog)) <= OVERTAKING


async def test_a_receipt_for_what_was_not_carried_is_seen(stack: Stack, tmp_path: Path, database: Database) -> None:
    """The negative control of the test above."""
    hour = await offline_hour(stack, tmp_path, database, "robbed-press", lies=True)
    assert len(hour.rows) < len(hour.said)
    assert set(hour.rows) <= set(hour.said)
