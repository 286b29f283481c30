"""The gaps that the buffer itself has to tell: while nobody wrote, and what it lost or set aside."""

import re
from dataclasses import replace
from uuid import uuid4

from shared.reading import ClosedBy, Gap, GapCause
from shared.wire.batch import MAX_TIME_US

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def gateway_down(alive_us: int, now_us: int, *, is_stopped: bool) -> Gap:
    """Return the hole between the last sign of life and this start, both UTC microseconds; it has a name."""
    detail = "stopped" if is_stopped else "not shut down: power, kill or crash"
    if now_us <= alive_us:
        # a clock without a battery starts in the past; how long the hole was is not known then
        detail += "; the clock stood before the last commit, so the length of this hole is not known"
    return replace(_gap(GapCause.GATEWAY_DOWN, alive_us, now_us, detail), id=uuid4())


def lost(cause: GapCause, oldest_us: object, newest_us: object, now_us: int, detail: str) -> Gap:
    """Return the hole that readings leave which were received in this span; the span may itself be damaged."""
    times = [time for time in (oldest_us, newest_us) if isinstance(time, int) and 0 <= time < MAX_TIME_US]
    first, last = min(times, default=now_us), max(times, default=now_us)
    return _gap(cause, first, last + 1, detail)


def lasting(gap: Gap) -> Gap:
    """Return a gap under a name, if it has none, so that it can be closed; one that something else tells keeps its."""
    return gap if gap.id is not None else replace(gap, id=uuid4())


def retried(gap: Gap, now_us: int) -> Gap:
    """Return a gap closed, for what had been set aside is sent again."""
    return replace(gap, revision=gap.revision + 1, is_open=False, closed_us=now_us, closed_by=ClosedBy.RETRIED)


def given_up(first_us: int, last_us: int, detail: str) -> Gap:
    """Return the hole that readings of these source times leave, which a full buffer gave up."""
    return _gap(GapCause.BUFFER_POLICY, first_us, last_us + 1, detail)


def _gap(cause: GapCause, from_us: int, to_us: int, detail: str) -> Gap:
    from_us = min(max(from_us, 0), MAX_TIME_US - 2)
    to_us = min(max(to_us, from_us + 1), MAX_TIME_US - 1)
    return Gap(cause, from_us, to_us, detail=_CONTROL.sub(" ", detail)[:500])
