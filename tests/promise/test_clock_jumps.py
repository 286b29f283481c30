"""A wall clock that jumps, with ten seconds of readings between: each step is told, and no time is one that cannot be.

The clock is moved by hand and looked at once a second, as the gateway does; the daemon's own test, with libfaketime, is
in `tests/integration/edge/test_clock.py`.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from edge.timekeeping import FLOOR_US, LOOK_S, Timekeeper, told
from shared.reading import Gap, GapCause
from tests.fakes.clock import HandClock

SECOND_US = 1_000_000
HOUR_S = 3600.0
SINCE_1970_S = 1_800_000_000.0
JUMPS: dict[str, Sequence[float]] = {
    "forward": [24 * HOUR_S],
    "back": [-2 * HOUR_S],
    "forward and back": [24 * HOUR_S, -26 * HOUR_S, 0.7],
    "to 1970 and right again": [100 - SINCE_1970_S, SINCE_1970_S - 100 + HOUR_S],
}


class Keeping:
    """The gateway's own."""

    def __init__(self, clock: HandClock) -> None:
        self._keeper = Timekeeper(clock)
        self.now_us = self._keeper.now_us

    def look(self) -> Gap | None:
        step = self._keeper.look()
        return None if step is None else told(step)


class Trusting:
    """Reads the wall clock, and is surprised by nothing."""

    def __init__(self, clock: HandClock) -> None:
        self.now_us = clock.now_us

    def look(self) -> Gap | None:
        return None


class Secretive(Keeping):
    """Notices each step, and keeps it to itself."""

    def look(self) -> Gap | None:
        super().look()
        return None


async def lived(keeping: Callable[[HandClock], Keeping | Trusting], jumps: Sequence[float]) -> list[str]:
    """Read once a second, with jumps between; return what is wrong with the times, in words."""
    clock = HandClock()
    here = keeping(clock)
    times, gaps = [], []
    for jump in [*jumps, 0.0]:
        for _ in range(10):
            await clock.advance(LOOK_S)
            if (gap := here.look()) is not None:
                gaps.append(gap)
            times.append(here.now_us())
        clock.jump(jump)
    return [*wrong(times, gaps)]


def wrong(times: Sequence[int], gaps: Sequence[Gap]) -> list[str]:
    """Say which second lasted longer or shorter than one and is told by no step, and which time cannot be."""
    found = [f"{at_us} cannot be" for at_us in times if at_us < FLOOR_US]
    ends = {gap.to_us for gap in gaps if gap.cause is GapCause.CLOCK_STEP}
    for before, after in pairwise(times):
        is_told = after in ends or after + 1 in ends
        if abs(after - before - SECOND_US) > SECOND_US // 10 and not is_told:
            found.append(f"from {before} to {after} in a second, and nobody says so")
    return found


@pytest.mark.parametrize("name", JUMPS)
async def test_each_step_is_told_and_no_time_is_one_that_cannot_be(name: str) -> None:
    assert await lived(Keeping, JUMPS[name]) == []


@pytest.mark.parametrize("name", JUMPS)
@pytest.mark.parametrize("keeping", [Trusting, Secretive])
async def test_who_trusts_the_clock_or_keeps_its_steps_quiet_is_found_out(
    name: str, keeping: Callable[[HandClock], Keeping | Trusting]
) -> None:
    """The negative controls."""
    assert await lived(keeping, JUMPS[name])
