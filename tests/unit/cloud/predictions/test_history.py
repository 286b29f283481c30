"""A plant's past: two tellers as one, and as it was known at an instant."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.predictions.history import HOUR, Events, Stops, joined, no_events, together
from tests.unit.cloud.predictions.plant import BEGIN, plant

WORDS = ("mech", "elec", "belt")
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(0, 5), st.sampled_from(WORDS)), max_size=8)


def made(rows):
    kinds = tuple(dict.fromkeys(word for *_, word in rows))
    machine, at, late, kind = np.array([(*row[:3], kinds.index(row[3])) for row in rows], np.int64).reshape(-1, 4).T
    return Events(machine.astype(np.int32), at, at + late, kind.astype(np.int16), kinds)


def stops(rows):
    told = made(rows)
    return Stops(told.machine, told.at, told.known, told.kind, told.kinds, told.at + 7, told.known + 7)


def said(events):
    words = [events.kinds[place] for place in events.kind]
    return list(zip(events.machine.tolist(), events.at.tolist(), events.known.tolist(), words, strict=True))


@given(ROWS, ROWS)
def test_of_two_tellers_each_row_keeps_its_word(first, second):
    both = joined(made(first), made(second))
    assert said(both) == said(made(first)) + said(made(second))
    # in an order that does not depend on who tells first
    assert both.kinds == joined(made(second), made(first)).kinds == tuple(sorted({row[3] for row in first + second}))
    both = together(stops(first), stops(second))
    assert said(both) == said(stops(first)) + said(stops(second))
    assert (both.end - both.at).tolist() == (both.end_known - both.known).tolist() == [7] * len(both)


def test_with_nothing_else_it_stays_as_it_was():
    rows = [(1, 2, 3, "mech"), (0, 9, 0, "belt")]
    assert said(joined(no_events(), made(rows))) == said(joined(made(rows), no_events(("other",)))) == said(made(rows))
    assert len(joined(no_events(), no_events())) == 0


def test_as_it_was_known_nothing_later_is_in_it_and_an_open_stop_has_no_end():
    whole = plant(days=20, late_share=0.5)
    at = BEGIN + 10 * 24 * HOUR
    then = whole.as_known(at)
    for name in ("stops", "alarms", "maintenance", "work", "measured"):
        all_of, of = getattr(whole, name), getattr(then, name)
        assert len(of) == (all_of.known <= at).sum()
        assert (of.known <= at).all()
    is_open = then.stops.end_known > at
    assert (then.stops.end[~is_open] <= at).all()
    assert (then.stops.end[is_open] > at + 100 * 365 * 24 * HOUR).all()
