"""The gateway's time: it follows a clock that is right, tells a step, and counts on where the clock cannot be right."""

from edge.timekeeping import FLOOR_US, PATIENCE_S, Step, Timekeeper
from tests.fakes.clock import HandClock

NOW = 1_800_000_000_000_000
S = 1_000_000


async def test_it_follows_the_wall_clock_and_small_corrections_in_silence() -> None:
    clock = HandClock()
    keeper = Timekeeper(clock)
    await clock.advance(10)
    clock.jump(0.3)
    assert keeper.now_us() == NOW + 10 * S
    assert keeper.look() is None
    assert keeper.now_us() == NOW + 10 * S + 300_000
    assert keeper.is_set
    assert keeper.steps == 0


async def test_a_step_is_seen_by_all_at_one_look() -> None:
    clock = HandClock()
    keeper = Timekeeper(clock)
    for seconds in (3600, -7200):
        before = keeper.now_us()
        clock.jump(seconds)
        await clock.advance(0.5)
        assert keeper.now_us() == before + 500_000
        step = keeper.look()
        assert step == Step(before + 500_000, before + 500_000 + seconds * S, clock.now_us())
        assert step.delta_us == seconds * S
        assert keeper.look() is None
    assert keeper.steps == 2


async def test_a_clock_that_falls_to_1970_is_counted_on_until_it_is_set_again() -> None:
    clock = HandClock()
    keeper = Timekeeper(clock)
    clock.jump(-NOW / 1e6 + 5)
    await clock.advance(1)
    lost = keeper.look()
    assert lost is not None
    assert (lost.is_lost, lost.delta_us, lost.told_us) == (True, 0, 6 * S)
    assert not keeper.is_set
    await clock.advance(60)
    assert keeper.look() is None
    assert keeper.now_us() == NOW + 61 * S
    # an hour was lost meanwhile
    clock.jump(NOW / 1e6 - 5 + 3600)
    found = keeper.look()
    assert found is not None
    assert (found.unset_since_us, found.delta_us) == (NOW + S, 3600 * S)
    assert keeper.is_set
    assert keeper.now_us() == clock.now_us()


async def test_a_start_in_1970_goes_on_from_the_last_sign_of_life() -> None:
    clock = HandClock(7 * S)
    keeper = Timekeeper(clock)
    assert (keeper.now_us(), keeper.is_set) == (FLOOR_US, False)
    keeper.was_alive(NOW)
    await clock.advance(30)
    assert keeper.now_us() == NOW + 30 * S
    clock.jump((NOW + 86_400 * S) / 1e6)
    step = keeper.look()
    assert step is not None
    assert (step.unset_since_us, step.old_us) == (NOW, NOW + 30 * S)
    assert keeper.now_us() == clock.now_us()


async def test_a_start_behind_the_last_sign_of_life_is_believed_where_somebody_keeps_the_clock_or_after_a_while() -> (
    None
):
    clock = HandClock(NOW - 3600 * S)
    kept = Timekeeper(clock, lambda: True)
    kept.was_alive(NOW)
    assert (kept.is_set, kept.now_us()) == (True, NOW - 3600 * S)
    alone = Timekeeper(clock)
    alone.was_alive(NOW)
    assert (alone.is_awaited, alone.now_us()) == (True, NOW)
    await clock.advance(PATIENCE_S - 1)
    assert alone.look() is None
    await clock.advance(2)
    assert not alone.is_awaited
    step = alone.look()
    assert step is not None
    assert step.delta_us == -3600 * S
    assert alone.is_set


async def test_a_clock_in_1970_is_never_believed_and_not_waited_for_for_ever() -> None:
    clock = HandClock(0)
    keeper = Timekeeper(clock, lambda: True)
    await clock.advance(2 * PATIENCE_S)
    assert keeper.look() is None
    assert (keeper.is_set, keeper.is_awaited) == (False, False)


async def test_a_daemon_that_is_started_again_within_the_boot_counts_on_or_puts_right_what_the_last_one_read() -> None:
    clock = HandClock(7 * S)
    first = Timekeeper(clock)
    first.was_alive(NOW)
    left = first.counting("boot-1")
    assert left is not None
    assert left.since_us == NOW
    await clock.advance(50)
    # killed, and started again; the buffer knows of its first seconds only
    second = Timekeeper(clock)
    assert second.was_alive(NOW + 10 * S, left) is None
    assert second.now_us() == NOW + 50 * S
    assert second.counting("boot-1") == left
    clock.jump((NOW + 3600 * S) / 1e6)
    third = Timekeeper(clock)
    step = third.was_alive(NOW + 50 * S, left)
    assert step is not None
    assert (step.unset_since_us, step.delta_us) == (NOW, clock.now_us() - (NOW + 50 * S))
    assert (third.is_set, third.counting("boot-1")) == (True, None)
