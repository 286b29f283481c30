"""Holes that go on: each has one name from its begin to what became of it."""

from dataclasses import replace
from itertools import count
from uuid import UUID

from edge.acquisition.outages import Outages, unclaimed
from edge.ports import Settled
from shared.reading import ClosedBy, Gap, GapCause

T = 1_790_000_000_000_000
S = 1_000_000


def outages(*inherited: Gap) -> Outages:
    numbers = count(1)
    return Outages(inherited, lambda: UUID(int=next(numbers)))


def lost(device: str = "press", tag: str | None = None, begin: int = 0) -> Gap:
    return Gap(GapCause.COMMUNICATION_LOST, T + begin * S, T + begin * S + 1, device, tag, "reset")


def named(gap: Gap, number: int) -> Gap:
    return replace(gap, id=UUID(int=number), is_open=True)


def ended(gap: Gap, until: int) -> Gap:
    return replace(gap, revision=gap.revision + 1, to_us=T + until * S, is_open=False)


def test_an_outage_is_begun_once_a_device_and_ends_under_its_name() -> None:
    mine = outages()
    [press, oven] = mine.begin([lost(), lost("oven")])
    assert (press, oven) == (named(lost(), 1), named(lost("oven"), 2))
    assert mine.begin([lost(begin=5)]) == []
    assert mine.end({"press"}, T + 9 * S) == [ended(press, 9)]
    assert mine.end({"press"}, T + 9 * S) == []
    assert mine.begin([lost(begin=20)]) == [named(lost(begin=20), 3)]


def test_all_that_came_after_all_closes_the_gap() -> None:
    mine = outages()
    [press] = mine.begin([lost()])
    [closed] = mine.settle([Settled("press", ClosedBy.HISTORY)], T + 9 * S)
    assert closed == replace(ended(press, 9), closed_us=T + 9 * S, closed_by=ClosedBy.HISTORY)
    assert mine.settle([Settled("press", ClosedBy.HISTORY)], T + 9 * S) == []


def test_what_cannot_be_had_stays_missing() -> None:
    mine = outages()
    [press] = mine.begin([lost()])
    assert mine.settle([Settled("press", None)], T + 9 * S) == [ended(press, 9)]


def test_a_drivers_own_word_about_the_whole_device_goes_under_the_name_of_the_outage() -> None:
    mine = outages()
    [press] = mine.begin([lost()])
    told = Gap(GapCause.BROKER_SESSION_LOST, T + 2 * S, T + 8 * S, "press")
    [refined] = mine.told([told])
    assert refined == replace(told, id=press.id, revision=2, from_us=T, detail="reset")
    # a second one is another hole
    assert mine.told([told]) == [told]
    assert mine.settle([Settled("press", ClosedBy.REDELIVERED)], T + 9 * S) == []


def test_what_is_filled_in_part_is_split_into_what_stays_missing() -> None:
    mine = outages()
    [press] = mine.begin([lost()])
    rest = Gap(GapCause.COMMUNICATION_LOST, T, T + 4 * S, "press", "temp")
    assert mine.told([rest]) == [rest]
    [closed] = mine.settle([Settled("press", ClosedBy.HISTORY)], T + 9 * S)
    assert (closed.id, closed.closed_by) == (press.id, ClosedBy.SPLIT)
    # the next outage is a new one, and whole again
    mine.begin([lost(begin=20)])
    [again] = mine.settle([Settled("press", ClosedBy.HISTORY)], T + 29 * S)
    assert again.closed_by is ClosedBy.HISTORY


def test_tags_that_are_awaited_still_go_on_by_themselves() -> None:
    mine = outages()
    [press] = mine.begin([lost()])
    closed, rest = mine.settle([Settled("press", ClosedBy.UNCHANGED, waiting=["b"])], T + 9 * S)
    assert (closed.id, closed.closed_by) == (press.id, ClosedBy.SPLIT)
    assert rest == named(lost(tag="b"), 2)
    # the next outage concerns the whole device again, and the tag keeps its own
    [again] = mine.begin([lost(begin=20)])
    assert [gap.closed_by for gap in mine.settle([Settled("press", ClosedBy.HISTORY, waiting=["b"])], T + 29 * S)] == [
        ClosedBy.SPLIT
    ]
    [late] = mine.settle([Settled("press", ClosedBy.HISTORY, "b")], T + 30 * S)
    assert (late.id, late.closed_by, again.id) == (rest.id, ClosedBy.HISTORY, UUID(int=3))


def test_what_an_earlier_life_left_open_is_gone_on_with() -> None:
    left = replace(named(lost(), 77), revision=4)
    mine = outages(left)
    assert mine.begin([lost(begin=9)]) == []
    [closed] = mine.settle([Settled("press", ClosedBy.REDELIVERED)], T + 20 * S)
    assert (closed.id, closed.revision, closed.from_us) == (left.id, 5, T)


def test_a_clock_that_is_set_ends_an_outage_by_its_old_time_and_goes_on_by_its_new_one() -> None:
    mine = outages()
    [press] = mine.begin([lost()])
    old, new = mine.step(T + 9 * S, T - 3600 * S)
    assert old == ended(press, 9)
    assert (new.id, new.revision, new.from_us, new.is_open) == (UUID(int=2), 1, T - 3600 * S, True)
    assert mine.end({"press"}, T - 3590 * S) == [ended(new, -3590)]


def test_what_began_while_the_clock_was_not_set_is_moved_and_what_began_before_is_not() -> None:
    mine = outages()
    [before, within] = mine.begin([lost("oven", begin=0), lost("press", begin=5)])
    assert mine.rebase(T, 3600 * S) == [
        replace(within, revision=2, from_us=within.from_us + 3600 * S, to_us=within.to_us + 3600 * S)
    ]
    assert mine.end({"oven"}, T + 4000 * S) == [ended(before, 4000)]


def test_open_gaps_of_devices_that_nobody_reads_end() -> None:
    left = [named(lost(), 1), named(lost("gone"), 2)]
    assert unclaimed(left, {"press"}, T + 9 * S) == [ended(left[1], 9)]
