"""One life under torture, a process of its own: it makes readings, buffers and ships them, and notes each promise.

Buffer, shipper and uplink are those of the daemon. What a driver would hand over is made up here: blocks of uneven
length, some of which somebody waits for. The value of a reading is a number that no other has.
"""

import asyncio
import random
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import msgspec

from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from edge.loop import new_event_loop
from edge.sync.https import HttpsUplink
from edge.sync.shipper import Shipper
from edge.torture.notes import SUFFIX, Block, Notes
from shared import logs
from shared.reading import Tag, from_rows

GATEWAY = "torture"
BUFFER = "buffer.db"
TAGS = [Tag(f"machine-{number % 4}", f"tag-{number}") for number in range(8)]
# more than one life can say
NUMBERS = 100_000_000
MAX_BYTES = 1_000_000_000
_SIZES = (1, 1, 7, 50, 300)
_PAUSES_S = (0.0, 0.001, 0.004)
_PROMPT = 0.3
# a slow machine may take as long as it needs, as long as there is less and less to bring
_STILL_S = 120.0


class Manner(StrEnum):
    """How a life goes."""

    HONEST = "honest"
    # the negative control: it takes for promised what it has only handed over
    HASTY = "hasty"
    # says nothing more, and ends when the receiver has everything
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a life is given: where it works and sends to, which one it is, and what its choices are drawn from."""

    directory: str
    url: str
    number: int
    seed: int
    manner: Manner = Manner.HONEST
    # where notes are taken, if not beside the buffer
    notes: str = ""


def live(fate: Fate) -> None:
    """Live; only the last life ends by itself."""
    logs.configure(level="CRITICAL")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_live(fate))


async def _live(fate: Fate) -> None:
    clock = SystemClock()
    buffer = await SqliteBuffer.open(Path(fate.directory, BUFFER), max_bytes=MAX_BYTES, gateway=GATEWAY, clock=clock)
    ids = buffer.register(TAGS)
    with Notes(Path(fate.notes or fate.directory, f"life-{fate.number:06}{SUFFIX}")) as notes:
        async with HttpsUplink(fate.url, "torture") as uplink, asyncio.TaskGroup() as tasks:
            shipper = Shipper(buffer, uplink, clock)
            tasks.create_task(buffer.run(), name="buffer")
            shipping = tasks.create_task(shipper.run(), name="shipper")
            if fate.manner is Manner.LAST:
                await _end(buffer, shipper, clock)
                shipping.cancel()
                await buffer.close()
            else:
                await _speak(fate, buffer, ids, notes, clock)


async def _end(buffer: SqliteBuffer, shipper: Shipper, clock: SystemClock) -> None:
    await buffer.flush()
    left, since_s = buffer.stats().batches, clock.monotonic()
    while not await shipper.drain(1.0) or buffer.stats().batches:
        if (now_left := buffer.stats().batches) < left:
            left, since_s = now_left, clock.monotonic()
        if clock.monotonic() > since_s + _STILL_S:
            raise TimeoutError(f"{left} batches are left, and none went for {_STILL_S:g} s")
        # what is settled leaves the file a little later
        await clock.sleep(0.05)


async def _speak(fate: Fate, buffer: SqliteBuffer, ids: list[int], notes: Notes, clock: SystemClock) -> None:
    chance = random.Random(fate.seed)  # noqa: S311 - it is to be repeatable
    first = fate.number * NUMBERS
    while True:
        block = Block(first, chance.choice(_SIZES), chance.randrange(len(TAGS)), clock.now_us())
        numbers = range(first, first + block.count)
        times = list(range(block.ts_us, block.ts_us + block.count))
        readings = from_rows([ids[block.tag]] * block.count, times, times, [float(number) for number in numbers])
        notes.said(block)
        promise = await buffer.append(readings, prompt=chance.random() < _PROMPT)
        if fate.manner is Manner.HASTY:
            notes.promised(block)
        else:
            promise.add_done_callback(partial(_keep, notes, block))
        first += block.count
        await clock.sleep(chance.choice(_PAUSES_S))


def _keep(notes: Notes, block: Block, promise: "asyncio.Future[None]") -> None:
    if not promise.cancelled() and promise.exception() is None:
        notes.promised(block)


if __name__ == "__main__":
    # where nothing can be forked (nursery.py)
    live(msgspec.json.decode(sys.argv[1], type=Fate))
