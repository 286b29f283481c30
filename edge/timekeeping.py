"""Owns the gateway's time: the wall clock, watched against the monotonic one, and what is done when it cannot be right.

Between two looks, a second apart, time goes on as the monotonic clock does, so nobody sees half of a jump. A look takes
up what the wall clock says by then: a slow correction in silence, a step as a `Step` that the gateway acts on. A wall
clock that was never set (1970, or before this gateway was last alive) is not taken up: time goes on from where it was
last known, and what is read meanwhile is flagged, to be moved when the clock has been set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge.clock import Clock
from edge.unset import Unset
from shared.logs import get
from shared.reading import Gap, GapCause

_log = get(__name__)
# 2026-01-01: before it no gateway of this software ran
FLOOR_US = 1_767_225_600_000_000
# chrony and ntpd correct less than this by running faster or slower, at most 0.5 ms a second
STEP_US = 500_000
LOOK_S = 1.0
# how long a clock that stands behind the last sign of life may be put right before it is believed all the same: then
# the time before was wrong
PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Step:
    """The gateway's time jumped.

    Attributes:
        old_us, new_us: What it was, and what it is from now on.
        unset_since_us: From when on times were only counted on, by the old time, if the clock had not been set until
            now; None if it was another clock time that was believed.
        is_lost: The clock cannot be believed from now on; time is counted on, and new and old are the same.
        told_us: What the wall clock says, believed or not.
    """

    old_us: int
    new_us: int
    told_us: int
    unset_since_us: int | None = None
    is_lost: bool = False

    @property
    def delta_us(self) -> int:
        """By how much it jumped."""
        return self.new_us - self.old_us


def told(step: Step) -> Gap:
    """Return the record of a step: forward, nothing bears a time in between; back, times occur twice.

    What was only counted on is moved, so that a clock which is set again leaves no hole, and is told as an instant.
    """
    if step.is_lost:
        detail = f"the clock was set to {_instant(step.told_us)}, which cannot be; time is counted on from before"
        return Gap(GapCause.CLOCK_STEP, step.old_us, step.old_us + 1, detail=detail)
    seconds = abs(step.delta_us) / 1e6
    way = "forward" if step.delta_us >= 0 else "back"
    if step.unset_since_us is not None:
        since = _instant(step.unset_since_us)
        detail = f"the clock was set: times since {since} had been counted on, and are moved {way} by {seconds:.3f} s"
        return Gap(GapCause.CLOCK_STEP, step.new_us, step.new_us + 1, detail=detail)
    detail = f"the clock was set {way} by {seconds:.3f} s"
    return Gap(GapCause.CLOCK_STEP, step.old_us, step.new_us, detail=detail)


def _instant(us: int) -> str:
    # any time that a clock can tell, without what the platform's functions refuse
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Timekeeper:
    """The clock that everything in the gateway is handed.

    Args:
        clock: The operating system's.
        is_synchronised: Whether the operating system says that somebody keeps its clock right.
    """

    def __init__(self, clock: Clock, is_synchronised: Callable[[], bool] = lambda: False) -> None:
        self._clock = clock
        self._is_synchronised = is_synchronised
        self._earliest_us = FLOOR_US
        # what the wall clock is ahead of the monotonic one, microseconds
        self._offset_us = 0
        self._unset_since: tuple[int, float] | None = None
        self.steps = 0
        self._begin()

    def _begin(self) -> None:
        wall_us = self._clock.now_us()
        if self._is_believable(wall_us):
            self._offset_us, self._unset_since = wall_us - self._monotonic_us(), None
        else:
            self._offset_us = self._earliest_us - self._monotonic_us()
            self._unset_since = self._earliest_us, self._clock.monotonic()
            _log.warning(
                "this machine's clock cannot be right; time is counted on from the last that is known",
                clock_us=wall_us,
                from_us=self._earliest_us,
            )

    def was_alive(self, alive_us: int, left: Unset | None = None) -> Step | None:
        """Take note when the gateway was last alive, before anything is read: it is not earlier now.

        Args:
            alive_us: When.
            left: How an earlier life within this boot of the machine counted time on, if it did to its end.

        Returns:
            How far what that read is to be moved, if the clock has been set since.
        """
        self._earliest_us = max(self._earliest_us, alive_us)
        self._begin()
        if left is None:
            return None
        if self._unset_since is None:
            old_us, now_us = self._monotonic_us() + left.offset_us, self.now_us()
            return Step(old_us, now_us, now_us, unset_since_us=left.since_us)
        self._offset_us = left.offset_us
        self._unset_since = left.since_us, self._clock.monotonic()
        return None

    def counting(self, boot: str) -> Unset | None:
        """Return how time is counted on in this boot of the machine, None if it is not."""
        return None if self._unset_since is None else Unset(boot, self._offset_us, self._unset_since[0])

    def now_us(self) -> int:
        """Return the time, microseconds since 1970 UTC; it jumps only when a look takes up a step."""
        return self._monotonic_us() + self._offset_us

    def monotonic(self) -> float:
        """Return seconds of the monotonic clock."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._clock.sleep(seconds)

    @property
    def is_set(self) -> bool:
        """Whether the time is the wall clock's, and not counted on."""
        return self._unset_since is None

    @property
    def is_awaited(self) -> bool:
        """Whether the clock is not set and may soon be: what bears a time of it had better wait."""
        return self._unset_since is not None and self._clock.monotonic() - self._unset_since[1] < PATIENCE_S

    def notes(self) -> list[str]:
        """Return what somebody should know, a sentence each."""
        if self.is_set:
            return []
        told = _instant(self._clock.now_us())
        return [f"this machine's clock is not set: it says {told}; times are counted on, and moved when it is set"]

    def look(self) -> Step | None:
        """Take up what the wall clock says; return the step if it is one."""
        wall_us, old_us = self._clock.now_us(), self.now_us()
        if self._unset_since is not None:
            return self._set(wall_us, old_us, self._unset_since[0])
        if abs(wall_us - old_us) < STEP_US:
            self._offset_us += wall_us - old_us
            return None
        self.steps += 1
        if wall_us < FLOOR_US:
            # it was right until now, so it is not earlier
            self._earliest_us = old_us
            self._unset_since = old_us, self._clock.monotonic()
            return Step(old_us, old_us, wall_us, is_lost=True)
        self._offset_us += wall_us - old_us
        return Step(old_us, self.now_us(), wall_us)

    def _set(self, wall_us: int, old_us: int, since_us: int) -> Step | None:
        # the two clocks may disagree by what no step is
        if not self._is_believable(wall_us + STEP_US):
            return None
        self._unset_since = None
        self._offset_us += wall_us - old_us
        return Step(old_us, self.now_us(), wall_us, unset_since_us=since_us)

    def _is_believable(self, wall_us: int) -> bool:
        if wall_us < FLOOR_US:
            return False
        waited = self._unset_since is not None and not self.is_awaited
        return wall_us >= self._earliest_us or waited or self._is_synchronised()

    def _monotonic_us(self) -> int:
        return round(self._clock.monotonic() * 1e6)
