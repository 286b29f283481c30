"""A child process that writes to a buffer, ships from it into a directory, and says what it was promised.

    python writer.py BUFFER CLOUD FIRST honest|hasty|picky

It appends the numbers FIRST, FIRST + 1, .. in blocks of uneven length and prints, for each block, its first number and
its length: when the promise was kept (honest), or at once (hasty), which is the lie that the test must find out. To a
picky one its cloud refuses whatever brings a number such as 432 or 3,432.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from shared import logs
from tests.fakes.readings import TAGS, numbered, numbers
from tests.fakes.sqlite import GATEWAY


def say(first: int, count: int) -> None:
    os.write(1, f"{first} {count}\n".encode())


def is_poison(number: int) -> bool:
    return number % 3000 == 432


async def ship(buffer: SqliteBuffer, cloud: Path, *, is_picky: bool, wait: bool = True) -> None:
    """Store each batch under its id, whole or not at all, and settle it."""
    while lease := await buffer.lease(live=False, wait=wait):
        if is_picky and any(map(is_poison, numbers(lease.body))):
            await buffer.give_back(lease.id, refused="it is poison")
            continue
        name = cloud / f"{lease.id.epoch.hex}-{lease.id.seq}"
        part = name.with_suffix(".part")
        part.write_bytes(lease.body)
        part.replace(name)
        await asyncio.sleep(0)
        await buffer.settle(lease.id)


async def write(buffer: SqliteBuffer, first: int, *, is_honest: bool) -> None:
    """Append for ever."""
    clock = SystemClock()
    chance = random.Random(first)
    while True:
        count = chance.choice((1, 1, 7, 100, 900))
        prompt = chance.random() < 0.3
        promise = await buffer.append(numbered(first, count, clock.now_us()), prompt=prompt)
        if is_honest:
            promise.add_done_callback(lambda _, first=first, count=count: say(first, count))
        else:
            say(first, count)
        first += count
        await asyncio.sleep(chance.choice((0, 0, 0.001, 0.004)))


async def main() -> None:
    logs.configure(level="ERROR")
    path, cloud, first, mode = sys.argv[1:]
    buffer = await SqliteBuffer.open(Path(path), max_bytes=50_000_000, gateway=GATEWAY, clock=SystemClock())
    buffer.register(TAGS)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(buffer.run())
        tasks.create_task(ship(buffer, Path(cloud), is_picky=mode == "picky"))
        tasks.create_task(write(buffer, int(first), is_honest=mode != "hasty"))


if __name__ == "__main__":
    asyncio.run(main())
