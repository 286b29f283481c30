"""The back-off policy: windows that double up to a cap, full jitter, and what the other side asks for."""

import asyncio
import statistics

import pytest

from edge.backoff import Backoff
from edge.errors import DriverError, DriverRefused, Unreachable
from tests.fakes.clock import HandClock

LOST = DriverError("press-1 is gone")


def test_windows_double_up_to_the_cap_and_waits_are_spread_over_all_of_them() -> None:
    for failures, window in ((1, 1.0), (2, 2.0), (4, 8.0), (7, 60.0), (500, 60.0)):
        waits = []
        for _ in range(300):
            backoff = Backoff(HandClock())
            backoff.failures = failures - 1
            waits.append(backoff.delay_s(LOST))
        assert 0.0 <= min(waits) < 0.1 * window
        assert 0.9 * window < max(waits) <= window
        assert 0.4 * window < statistics.mean(waits) < 0.6 * window


def test_success_begins_again_with_the_first_window() -> None:
    backoff = Backoff(HandClock())
    for _ in range(10):
        backoff.delay_s(LOST)
    backoff.reset()
    assert backoff.delay_s(LOST) <= 1.0
    assert backoff.failures == 1


@pytest.mark.parametrize("asked", [5.0, 120.0])
def test_what_was_asked_for_is_waited_first_and_then_the_jitter(asked: float) -> None:
    waits = [Backoff(HandClock()).delay_s(Unreachable("503", retry_after_s=asked)) for _ in range(100)]
    assert asked <= min(waits) < max(waits) <= asked + 1.0


def test_nobody_can_ask_for_a_day_of_silence() -> None:
    assert Backoff(HandClock()).delay_s(Unreachable("503", retry_after_s=86_400.0)) <= 901.0


def test_where_somebody_has_to_act_the_widest_window_is_waited_at_once() -> None:
    assert 60.0 <= Backoff(HandClock()).delay_s(DriverRefused("wrong password")) <= 75.0
    assert 60.0 <= Backoff(HandClock()).delay_s(LOST, slowly=True) <= 75.0


def test_windows_can_be_narrower() -> None:
    backoff = Backoff(HandClock(), first_s=0.1, cap_s=0.4)
    assert backoff.delay_s(LOST) <= 0.1
    assert all(backoff.delay_s(LOST) <= 0.4 for _ in range(50))


async def test_waiting_is_done_on_the_clock_that_was_handed_in() -> None:
    clock = HandClock()
    backoff = Backoff(clock)
    ticking = asyncio.create_task(backoff.wait(LOST))
    await clock.advance(1.0)
    assert ticking.done()
    assert clock.slept == [ticking.result()]
