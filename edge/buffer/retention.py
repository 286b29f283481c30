"""Retention: what a full buffer gives up next, oldest first; pure.

`debug` goes before `process`, and `state` never. A class that is to be thinned is thinned as a whole before any of it
is dropped. A batch that may have been sent is not among those that wait here: the cloud may have it, and under its
number nothing else may ever be sent.

Where there are several destinations, what another one has already goes first, by the same rules and then whatever its
class: one that is away must not cost readings that nobody has, nor keep new ones out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.units import KEEP, WhenFull
from shared.wire.lane import URGENCY, Lane

# what one act reads at most: half a tenth of a second
MOST_ROWS = 100_000
# what may be filled by `state` only, of the whole
RESERVE = 0.1
Rules = Mapping[Lane, WhenFull]
KEEP_ALL: Rules = dict.fromkeys(Lane, KEEP)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch that was never lent to those who are owed it.

    Attributes:
        bytes: What it takes.
        epoch: Of which numbering it is.
        whom: The destinations that are owed it.
        is_had: Another one has it.
    """

    seq: int
    epoch: bytes
    rows: int
    bytes: int
    is_thinned: bool = False
    whom: frozenset[int] = frozenset()
    is_had: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """What is done to some batches of a lane, oldest first: thinned to a window, or dropped if that is None."""

    lane: Lane
    batches: Sequence[Waiting]
    window_us: int | None

    @property
    def words(self) -> str:
        """The act, for the log."""
        done = "drop" if self.window_us is None else f"thin to {self.window_us / 1e6:g} s"
        return f"{self.lane.name.lower()}: {done}"


def helps(rules: Rules) -> bool:
    """Return whether a full buffer may give up anything at all."""
    return any(rule.action != "keep" for lane, rule in rules.items() if lane is not Lane.STATE)


def next_act(waiting: Mapping[Lane, Sequence[Waiting]], rules: Rules, need_bytes: int) -> Act | None:
    """Return what is done next to free so many bytes; None if nothing may be given up.

    Args:
        waiting: Batches by lane, in the order of their numbers.
        rules: What may be done with each lane.
        need_bytes: More is dropped only as far as this; a thinning frees what it frees, and one asks again.
    """
    had = {lane: [batch for batch in batches if batch.is_had] for lane, batches in waiting.items()}
    act = _next_by_rules(had, rules, need_bytes)
    if act is not None:
        return act
    for lane in reversed(URGENCY):
        if had.get(lane):
            return Act(lane, _enough(had[lane], need_bytes), None)
    return _next_by_rules(waiting, rules, need_bytes)


def _next_by_rules(waiting: Mapping[Lane, Sequence[Waiting]], rules: Rules, need_bytes: int) -> Act | None:
    lanes = [lane for lane in reversed(URGENCY) if lane is not Lane.STATE]
    for lane in lanes:
        if rules[lane].action == "drop" and waiting.get(lane):
            return Act(lane, _enough(waiting[lane], need_bytes), None)
    thinned = [lane for lane in lanes if rules[lane].action == "thin"]
    for lane in thinned:
        if fresh := [batch for batch in waiting.get(lane, ()) if not batch.is_thinned]:
            return Act(lane, _run(fresh), round(rules[lane].window_s * 1e6))
    for lane in thinned:
        if waiting.get(lane):
            return Act(lane, _enough(waiting[lane], need_bytes), None)
    return None


def _run(batches: Sequence[Waiting]) -> Sequence[Waiting]:
    """Return the first batches of one numbering for the same destinations, as many as one act reads."""
    chosen: list[Waiting] = []
    rows = 0
    for batch in batches:
        if chosen and (rows + batch.rows > MOST_ROWS or (batch.epoch, batch.whom) != (chosen[0].epoch, chosen[0].whom)):
            break
        chosen.append(batch)
        rows += batch.rows
    return chosen


def _enough(batches: Sequence[Waiting], need_bytes: int) -> Sequence[Waiting]:
    """Return as few of the first as free so many bytes, and no more than one act reads."""
    freed = 0
    for count, batch in enumerate(run := _run(batches), 1):
        freed += batch.bytes
        if freed >= need_bytes:
            return run[:count]
    return run
