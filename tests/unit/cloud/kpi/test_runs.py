"""The facts of windows in a row are those of each by itself, and a year in which nothing happens costs one ledger."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.elements import PieceKind
from cloud.kpi.ledger import Layers, Pieces, Planned, Stretch, draw_up
from cloud.kpi.runs import drawn
from cloud.kpi.spans import DAY, HOUR, MINUTE, Span
from shared.reading import MachineState
from tests.unit.cloud.kpi.test_ledger import layered


def hours(start: int, end: int) -> list[Span]:
    return [Span(at, min(at + HOUR, end)) for at in range(start, end, HOUR)]


@given(layered(), st.sampled_from([7, 15, 60]), st.integers(0, 700))
def test_windows_in_a_row_have_the_facts_that_each_has_by_itself(layers, minutes, start):
    windows = [Span(at * MINUTE, min(at + minutes, 1440) * MINUTE) for at in range(start, 1440, minutes)]
    found = [(window, facts) for facts, several in drawn(layers, windows) for window in several]
    assert found == [(window, draw_up(window, layers).facts) for window in windows]


def test_a_year_in_which_nothing_happens_costs_one_ledger():
    said = [Stretch(Span(-DAY, 0), MachineState.FAULTED), Stretch(Span(0, 400 * DAY), MachineState.FAULTED)]
    found = [len(several) for _, several in drawn(Layers(said), hours(0, 365 * DAY))]
    # the first hour has the failure, the others go on with it
    assert found == [1, 365 * 24 - 1]


def test_a_piece_a_shift_and_what_is_shorter_are_by_themselves():
    layers = Layers(
        [Stretch(Span(-1, 9 * HOUR), MachineState.PRODUCING)],
        Planned([Span(-HOUR, 3 * HOUR), Span(5 * HOUR, 9 * HOUR)]),
        pieces=[Pieces(HOUR, PieceKind.GOOD, 3)],
    )
    found = [len(several) for _, several in drawn(layers, hours(0, 8 * HOUR + MINUTE))]
    # until the piece, its hour, until the shift ends, until the next one begins, in that, and the minute
    assert found == [1, 1, 1, 1, 1, 1, 2, 1]
