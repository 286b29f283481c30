"""Owns the decisions about orders: the stages of a route, what may follow, how many pieces may be reported."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud.workorders.schemas import ProductionKind, Sequencing, StageStatus

# operation numbers leave room for one in between, as routings do
OP_STEP = 10

NEXT: Mapping[StageStatus, StageStatus | None] = {
    StageStatus.PLANNED: StageStatus.IN_PROGRESS,
    StageStatus.IN_PROGRESS: StageStatus.DONE,
    StageStatus.DONE: None,
}
"""What a stage may become; there is no way back."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of a route: with a length of its own, or with a share of what the others leave."""

    stage_name: str
    minutes: float | None = None
    share: float = 1.0


# the plant's route: every lot is moulded, then assembled
DEFAULT_ROUTE = (Step("Enjeksiyon", minutes=30), Step("Montaj"))


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage before it has a row."""

    op_number: int
    stage_name: str
    planned_start: datetime
    planned_end: datetime


@dataclass(frozen=True, slots=True)
class StageFacts:
    """What the rules must know of a stage."""

    op_number: int
    status: StageStatus
    good: int = 0
    scrap: int = 0
    startup: int = 0

    @property
    def used(self) -> int:
        """Return how many of the pieces that came from the stage before are used up."""
        return self.good + self.scrap + self.startup


@dataclass(frozen=True, slots=True)
class Pieces:
    """How many pieces of each kind."""

    good: int = 0
    scrap: int = 0
    rework: int = 0
    startup: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What a machine's counters counted while a stage ran; shots times cavities, so that all are pieces."""

    good: int = 0
    rejects: int = 0
    parts: int = 0
    shots: int = 0

    @property
    def is_any(self) -> bool:
        """Whether a counter counts what is made; one of rejects alone does not."""
        return bool(self.good or self.parts or self.shots)


# a column's most: a counter gone wild must not stop anybody
_MOST = 2**31 - 1


def settled(reported: Pieces, counted: Counted) -> Pieces:
    """Return how many pieces a stage made, by people's word and by counters: each piece once.

    As the figures have it (`production.layers`): where a counter counts what is made, it is believed, and good pieces
    that people report are the same pieces told again. People judge what a counter only counts: pieces that they report
    as scrap, rework or startup are taken from the good ones; where a counter counts rejects, scrap and startup are its.
    """
    judged = reported
    if counted.rejects:
        judged = Pieces(good=reported.good, scrap=min(max(0, counted.rejects), _MOST), rework=reported.rework)
    if not counted.is_any:
        return judged
    told = judged.rework + (0 if counted.rejects else judged.scrap + judged.startup)
    # a counter of good pieces leaves rejects out by itself
    made = counted.good or (counted.parts or counted.shots) - counted.rejects
    return replace(judged, good=min(max(0, made - told), _MOST))


def planned_stages(route: Sequence[Step], planned_start: datetime, planned_end: datetime) -> list[PlannedStage]:
    """Return the stages of an order that names none, one after the other from its start.

    Steps with minutes take those, and the others share the rest. A window that leaves no rest is divided equally;
    where all have minutes, what is left stays free at the end.

    Args:
        route: At least one.
        planned_start: UTC.
        planned_end: UTC, later than planned_start.
    """
    turns = [planned_start]
    for length in _lengths(route, planned_end - planned_start):
        turns.append(turns[-1] + length)
    if not _is_all_fixed(route, planned_end - planned_start):
        turns[-1] = planned_end  # shares are rounded to microseconds
    return [
        PlannedStage(OP_STEP * position, step.stage_name, start, end)
        for position, (step, (start, end)) in enumerate(zip(route, itertools.pairwise(turns), strict=True), start=1)
    ]


def _lengths(route: Sequence[Step], window: timedelta) -> list[timedelta]:
    fixed = sum((timedelta(minutes=step.minutes) for step in route if step.minutes is not None), timedelta())
    shares = sum(step.share for step in route if step.minutes is None)
    if fixed > window or (fixed == window and shares):
        return [window / len(route)] * len(route)
    rest = window - fixed
    return [
        timedelta(minutes=step.minutes) if step.minutes is not None else rest * (step.share / shares) for step in route
    ]


def _is_all_fixed(route: Sequence[Step], window: timedelta) -> bool:
    minutes = [step.minutes for step in route if step.minutes is not None]
    return len(minutes) == len(route) and timedelta(minutes=sum(minutes)) <= window


def moved(turn: datetime, old: tuple[datetime, datetime], new: tuple[datetime, datetime]) -> datetime:
    """Return a moment of a window in another window, at the same share of it.

    Args:
        turn: UTC; the old window's ends become the new one's.
        old: Start and end.
        new: Start and end.
    """
    if turn == old[1]:
        return new[1]  # exactly, not rounded
    return new[0] + (turn - old[0]) * ((new[1] - new[0]) / (old[1] - old[0]))


def order_status(stages: Sequence[StageStatus]) -> StageStatus:
    """Return where an order is: done when all its stages are, planned while none has begun."""
    if stages and all(stage is StageStatus.DONE for stage in stages):
        return StageStatus.DONE
    if any(stage is not StageStatus.PLANNED for stage in stages):
        return StageStatus.IN_PROGRESS
    return StageStatus.PLANNED


def allowed(status: StageStatus) -> list[StageStatus]:
    """Return what a stage may become next."""
    following = NEXT[status]
    return [] if following is None else [following]


def awaited(sequencing: Sequencing, before: StageFacts | None) -> bool:
    """Return whether a stage must still wait for the one before it.

    Args:
        sequencing: The order's: `free` waits for nothing, `flow` for the first good pieces, `strict` for the end.
        before: The stage with the next lower operation number, or None for the first.
    """
    if before is None or before.status is StageStatus.DONE:
        return False
    match sequencing:
        case Sequencing.FREE:
            return False
        case Sequencing.FLOW:
            return before.good == 0
        case Sequencing.STRICT:
            return True


def reportable(
    kind: ProductionKind, stage: StageFacts, before: StageFacts | None, qty: int, over_report_percent: int
) -> int | None:
    """Return how many more pieces of a kind a stage may report, or None when nothing bounds it.

    The first stage makes pieces: only its good ones count against the order's quantity. A later stage gets those that
    the one before passed on as good, and uses one up for each good, scrapped or startup piece; a piece to be reworked
    stays where it is. A stage before that is done and counted nothing is taken to have passed on the whole order.

    Args:
        kind: What is reported.
        stage: The stage that reports.
        before: The stage with the next lower operation number, or None for the first.
        qty: The order's.
        over_report_percent: What the order allows beyond.
    """
    if kind is ProductionKind.REWORK or (before is None and kind is not ProductionKind.GOOD):
        return None
    used = stage.good if before is None else stage.used
    return max(0, _limit(before, qty, over_report_percent) - used)


def takes_away(
    earlier: StageFacts, changed: StageFacts, after: StageFacts | None, qty: int, over_report_percent: int
) -> bool:
    """Return whether a change of a stage's count takes pieces away that the next stage has used already.

    Args:
        earlier: The stage before the change.
        changed: The same stage after it.
        after: The stage with the next higher operation number, or None for the last.
        qty: The order's.
        over_report_percent: What the order allows beyond.
    """
    limit = _limit(changed, qty, over_report_percent)
    return after is not None and after.used > limit and limit < _limit(earlier, qty, over_report_percent)


def _limit(before: StageFacts | None, qty: int, over_report_percent: int) -> int:
    return _given(before, qty) * (100 + over_report_percent) // 100


def _given(before: StageFacts | None, qty: int) -> int:
    if before is None:
        return qty
    return qty if before.status is StageStatus.DONE and before.used == 0 else before.good
