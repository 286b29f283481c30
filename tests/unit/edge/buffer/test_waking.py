"""Alarms are never late, and bells are heard by all who look before they wait."""

import asyncio
import contextlib

from hypothesis import given
from hypothesis import strategies as st

from edge.buffer.waking import Alarm, Bell
from tests.fakes.clock import HandClock, turns


@given(st.lists(st.integers(0, 120), min_size=1, max_size=30))
def test_after_each_setting_it_rings_within_its_time(pauses_ms: list[int]) -> None:
    async def doing() -> None:
        clock = HandClock()
        rings: list[float] = []
        alarm = Alarm(clock, 0.05, lambda: rings.append(clock.monotonic()))
        task = asyncio.create_task(alarm.run())
        settings: list[float] = []
        for pause_ms in pauses_ms:
            await clock.advance(pause_ms / 1000)
            settings.append(clock.monotonic())
            alarm.set()
            await turns()
        await clock.advance(1.0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        for at in settings:
            assert any(at <= ring <= at + 0.0501 for ring in rings)
        assert len(rings) <= len(settings)

    asyncio.run(doing())


async def test_a_bell_wakes_all_who_wait_and_nobody_who_comes_later() -> None:
    bell = Bell()
    waiting = [asyncio.create_task(bell.heard()) for _ in range(3)]
    await turns()
    bell.ring()
    late = asyncio.create_task(bell.heard())
    await turns()
    assert all(task.done() for task in waiting)
    assert not late.done()
    bell.ring()
    await asyncio.wait_for(late, 60)
