import asyncio

from edge.sync.pace import Pace
from tests.fakes.clock import HandClock, turns


async def test_turns_are_given_in_order_and_at_the_rate() -> None:
    clock = HandClock()
    pace, began, sent = Pace(100, clock), clock.monotonic(), list[tuple[int, float]]()

    async def send(number: int, size: int) -> None:
        await pace.turn(size)
        sent.append((number, clock.monotonic() - began))

    tasks = [asyncio.create_task(send(number, size)) for number, size in enumerate((50, 200, 100))]
    await turns()
    assert pace.wait_s == 3.5
    await clock.advance(10)
    await asyncio.gather(*tasks)
    assert sent == [(0, 0.0), (1, 0.5), (2, 2.5)]
    assert pace.wait_s == 0.0
    # nothing is saved up while nobody sends
    await pace.turn(100)
    assert pace.wait_s == 1.0
