"""Retention: states are never given up, debug goes first, the oldest first, and thinning comes before dropping."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.buffer import retention
from edge.buffer.retention import KEEP_ALL, MOST_ROWS, Rules, Waiting, next_act
from edge.units import KEEP, WhenFull
from shared.wire.lane import Lane

RULES = st.sampled_from([KEEP, WhenFull("drop"), WhenFull("thin", 60.0)])
ALL_RULES = st.tuples(RULES, RULES, RULES).map(lambda rules: dict(zip(Lane, rules, strict=True)))
EPOCHS = (b"one", b"two")


@st.composite
def queues(draw: st.DrawFn) -> dict[Lane, list[Waiting]]:
    """Draw what waits in each lane."""
    found: dict[Lane, list[Waiting]] = {}
    for lane in Lane:
        sizes = draw(st.lists(st.integers(1, 60_000), max_size=8))
        thinned = draw(st.integers(0, len(sizes)))
        found[lane] = [
            Waiting(lane.seq(number), draw(st.sampled_from(EPOCHS)), rows, 6 * rows, number <= thinned)
            for number, rows in enumerate(sizes, 1)
        ]
    return found


@given(queues(), ALL_RULES, st.integers(1, 1_000_000))
def test_whatever_is_asked_the_order_of_giving_up_is_kept(
    waiting: dict[Lane, list[Waiting]], rules: Rules, need: int
) -> None:
    state = list(waiting[Lane.STATE])
    acts = list(exhausted(waiting, rules, need))
    assert waiting[Lane.STATE] == state, "states are never given up"
    for act in acts:
        assert rules[act.lane] != KEEP
        assert len({batch.epoch for batch in act.batches}) == 1
        assert len(act.batches) == 1 or sum(batch.rows for batch in act.batches) <= MOST_ROWS
        freed = [batch.bytes for batch in act.batches]
        assert act.window_us is not None or sum(freed[:-1]) < need, "no more is dropped than is needed"
    for lane in (Lane.PROCESS, Lane.DEBUG):
        of_lane = [act for act in acts if act.lane is lane]
        dropped = [batch.seq for act in of_lane if act.window_us is None for batch in act.batches]
        assert dropped == sorted(dropped), "the oldest first"
        if rules[lane].action == "thin":
            kinds = [act.window_us is None for act in of_lane]
            assert kinds == sorted(kinds), "thinned before dropped"
        assert waiting[lane] == [] or rules[lane] == KEEP, "all of it can be given up in the end"
    if rules[Lane.DEBUG].action == rules[Lane.PROCESS].action == "drop":
        lanes = [act.lane for act in acts]
        assert lanes == sorted(lanes, reverse=True), "debug goes before process"


def exhausted(waiting: dict[Lane, list[Waiting]], rules: Rules, need: int):  # type: ignore[no-untyped-def]
    """Ask until nothing is left to give up, and do to `waiting` what is said."""
    for _ in range(200):
        act = next_act(waiting, rules, need)
        if act is None:
            return
        yield act
        mine = {batch.seq for batch in act.batches}
        assert mine, "each act does something"
        if act.window_us is None:
            waiting[act.lane] = [batch for batch in waiting[act.lane] if batch.seq not in mine]
        else:
            waiting[act.lane] = [
                replace(batch, is_thinned=batch.is_thinned or batch.seq in mine) for batch in waiting[act.lane]
            ]
    raise AssertionError("it never ends")


def test_debug_is_dropped_before_process_is_thinned() -> None:
    rules: Rules = {Lane.STATE: KEEP, Lane.PROCESS: WhenFull("thin", 60.0), Lane.DEBUG: WhenFull("drop")}
    waiting = {lane: [Waiting(lane.seq(1), b"", 10, 60)] for lane in Lane}
    first = next_act(waiting, rules, 1)
    assert first is not None
    assert (first.lane, first.window_us, first.words) == (Lane.DEBUG, None, "debug: drop")
    second = next_act(waiting | {Lane.DEBUG: []}, rules, 1)
    assert second is not None
    assert (second.lane, second.window_us, second.words) == (Lane.PROCESS, 60_000_000, "process: thin to 60 s")


@pytest.mark.parametrize(("action", "expected"), [("keep", False), ("drop", True)])
def test_whether_anything_can_be_given_up_is_known_beforehand(action: str, expected: bool) -> None:
    assert retention.helps({**KEEP_ALL, Lane.DEBUG: WhenFull(action)}) is expected  # type: ignore[arg-type]
