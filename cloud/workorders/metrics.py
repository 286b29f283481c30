"""Owns the mathematics of how stages and orders went: durations, delay, efficiency, being on time. Pure.

Definitions: a span that has not ended is judged by `now`; what has not started has no actual duration and no
efficiency, but may already be late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.workorders.schemas import StageStatus

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Span:
    """What was planned and what happened; of a stage, or of a whole order. Times in UTC."""

    planned_start: datetime
    planned_end: datetime
    actual_start: datetime | None
    actual_end: datetime | None
    status: StageStatus


@dataclass(frozen=True, slots=True)
class Measures:
    """How it went, in minutes and percent."""

    planned_duration: float
    actual_duration: float | None
    delay_minutes: float
    efficiency_percent: float | None
    on_time: bool


def measures(span: Span, now: datetime) -> Measures:
    """Return how a stage or an order went, or goes.

    delay = max(0, (actual_end or now) - planned_end); efficiency = planned / actual x 100.

    Args:
        span: What was planned, and what happened.
        now: UTC. A span that started after it (another machine's clock) has lasted for 0 minutes.
    """
    planned = (span.planned_end - span.planned_start) / _MINUTE
    actual = None
    if span.actual_start is not None:
        actual = max(timedelta(), (span.actual_end or now) - span.actual_start) / _MINUTE
    delay = max(timedelta(), (span.actual_end or now) - span.planned_end) / _MINUTE
    # one that started this very moment has no ratio yet
    efficiency = planned / actual * 100 if actual else None
    return Measures(planned, actual, delay, efficiency, on_time=delay == 0)


def whole(planned_start: datetime, planned_end: datetime, status: StageStatus, stages: Sequence[Span]) -> Span:
    """Return an order as one span: from the first of its stages' starts to the last of their ends.

    Args:
        planned_start: The order's.
        planned_end: The order's.
        status: The order's; it has ended only when it is done.
        stages: Its stages.
    """
    starts = [stage.actual_start for stage in stages if stage.actual_start is not None]
    ends = [stage.actual_end for stage in stages if stage.actual_end is not None]
    ended = max(ends, default=None) if status is StageStatus.DONE else None
    return Span(planned_start, planned_end, min(starts, default=None), ended, status)


def done_on_time(stages: Sequence[Span]) -> tuple[int, int]:
    """Return how many stages are done, and how many of them ended in time."""
    ends = [
        (stage.actual_end, stage.planned_end)
        for stage in stages
        if stage.status is StageStatus.DONE and stage.actual_end is not None
    ]
    return len(ends), sum(ended <= planned for ended, planned in ends)


def on_time_percentage(done: int, on_time: int) -> float | None:
    """Return the share of stages done in time, or None while none is done."""
    return on_time / done * 100 if done else None
