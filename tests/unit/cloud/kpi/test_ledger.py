"""Every second in one category, every piece in one event, whoever asks for which part of it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi import spans
from cloud.kpi.elements import Category, Loss, PieceKind, TimeElement
from cloud.kpi.facts import total
from cloud.kpi.figures import waterfall
from cloud.kpi.ledger import Layers, LedgerBroken, Order, Pieces, Planned, Reason, Shelf, Stretch, draw_up, shared_out
from cloud.kpi.policy import ISO22400, TPM
from cloud.kpi.spans import MINUTE, Span
from shared.reading import MachineState

HOUR = 60 * MINUTE
REASONS = [
    None,
    Reason("broken", TimeElement.ADET, Loss.BREAKDOWN, is_failure=True),
    Reason("tea", TimeElement.PDOT, is_planned=True),
    Reason("no order", TimeElement.ADOT),
    Reason("tools", None, Loss.SETUP_ADJUSTMENT),
    Reason("jam", None, Loss.MINOR_STOP),
]


def one(state: MachineState, *, order: bool = False, reason: Reason | None = None, **more) -> Category:
    window = Span(0, HOUR)
    orders = [Order(window, 7)] if order else []
    found = draw_up(window, Layers([Stretch(window, state, reason)], orders=orders, **more))
    [entry] = found.entries
    assert entry.order == (7 if order else None)
    return entry.category


@pytest.mark.parametrize(
    ("state", "with_order", "without"),
    [
        ("producing", "APT", "APT"),
        ("producing_slow", "APT", "APT"),
        ("setup", "AUST", "PDOT"),
        ("idle", "ADET", "ADOT"),
        ("starved", "ADET", "ADOT"),
        ("blocked", "ADET", "ADOT"),
        ("held", "ADET", "ADOT"),
        ("faulted", "ADET", "ADOT"),
        ("off", "ADET", "ADOT"),
        ("maintenance", "ADET", "PDOT"),
        ("planned_stop", "PDOT", "PDOT"),
        ("no_data", "UNKNOWN", "UNKNOWN"),
    ],
)
def test_a_state_is_the_element_that_the_table_says(state, with_order, without):
    assert ISO22400.element(one(MachineState(state), order=True)) == with_order
    assert ISO22400.element(one(MachineState(state))) == without


def test_maintenance_that_matches_a_planned_order_is_planned():
    category = one(MachineState.MAINTENANCE, order=True, maintenance=[Span(0, HOUR)])
    assert ISO22400.element(category) is TimeElement.PDOT


@pytest.mark.parametrize(
    ("reason", "category"),
    list(
        zip(REASONS, ["idle", "breakdown", "planned_stop", "idle_unassigned", "setup", "idle"], strict=True),
    ),
)
def test_a_reason_says_more_than_the_state(reason, category):
    assert one(MachineState.IDLE, order=True, reason=reason) == category


def test_a_reason_does_not_stop_a_machine_that_ran():
    assert one(MachineState.PRODUCING, reason=REASONS[1]) is Category.RUN_UNASSIGNED


def test_time_that_nothing_covers_is_unknown_and_outside_of_shifts_not_scheduled():
    planned = Planned([Span(0, 10), Span(20, 30)], [Span(5, 7)])
    found = draw_up(Span(0, 40), Layers([Stretch(Span(22, 35), MachineState.PRODUCING)], planned))
    assert [(each.span.start, each.span.end, each.category) for each in found.entries] == [
        (0, 5, "unknown"),
        (5, 7, "shift_break"),
        (7, 10, "unknown"),
        (10, 20, "off_shift"),
        (20, 22, "unknown"),
        (22, 30, "run_unassigned"),
        (30, 35, "overtime"),
        (35, 40, "off_shift"),
    ]


def test_a_stop_is_minor_by_its_whole_length_and_not_by_the_part_that_is_asked_for():
    stop = Stretch(Span(0, 10 * MINUTE), MachineState.STARVED)
    layers = Layers([stop], microstop_us=5 * MINUTE)
    assert draw_up(Span(9 * MINUTE, 10 * MINUTE), layers).facts.time_us == {Category.IDLE_UNASSIGNED: MINUTE}
    layers = Layers([stop], microstop_us=11 * MINUTE)
    assert draw_up(Span(9 * MINUTE, 10 * MINUTE), layers).facts.time_us == {Category.MINOR_UNASSIGNED: MINUTE}


def test_pieces_of_overtime_and_breaks_are_kept_and_in_no_figure():
    planned = Planned([Span(0, 10)], [Span(5, 7)])
    pieces = [Pieces(at, PieceKind.GOOD, 1, 1) for at in (1, 6, 12)]
    found = draw_up(Span(0, 20), Layers(planned=planned, pieces=pieces))
    assert (found.facts.pieces, found.facts.overtime_pieces) == ({PieceKind.GOOD: 1}, 2)
    assert [each.at for each in found.overtime] == [6, 12]


def test_a_failure_over_two_shifts_is_one_failure():
    planned = Planned([Span(0, 10), Span(20, 30)])
    layers = Layers([Stretch(Span(8, 25), MachineState.FAULTED)], planned)
    parts = [draw_up(Span(*each), layers).facts for each in ((0, 10), (10, 20), (20, 30))]
    assert [each.failures for each in parts] == [1, 0, 0]
    assert [each.repair_us for each in parts] == [2, 0, 5]
    at_night = Layers([Stretch(Span(12, 25), MachineState.FAULTED)], planned)
    assert [draw_up(Span(*each), at_night).facts.failures for each in ((0, 10), (10, 20), (20, 30))] == [0, 0, 1]


def test_a_layer_that_overlaps_itself_is_refused():
    twice = [Stretch(Span(0, 10), MachineState.PRODUCING), Stretch(Span(9, 12), MachineState.IDLE)]
    with pytest.raises(LedgerBroken, match="states overlap"):
        draw_up(Span(0, 20), Layers(twice))


@st.composite
def layered(draw) -> Layers:
    """A machine's day, however it went."""
    edges = sorted(draw(st.sets(st.integers(0, 1440), min_size=2, max_size=12)))
    parts = [Span(start * MINUTE, end * MINUTE) for start, end in itertools.pairwise(edges)]
    states = [
        Stretch(part, draw(st.sampled_from(list(MachineState))), draw(st.sampled_from(REASONS)))
        for part in parts
        if draw(st.booleans())
    ]
    moments = st.integers(0, 1440).map(lambda minute: minute * MINUTE)
    some = st.lists(st.builds(Span, moments, moments).filter(lambda each: each.length), max_size=4).map(spans.union)
    pieces = st.builds(
        Pieces, moments, st.sampled_from(list(PieceKind)), st.integers(-3, 50), st.none() | st.integers(1, MINUTE)
    )
    return Layers(
        states,
        Planned(draw(st.none() | some), draw(some)),
        [Order(span, index) for index, span in enumerate(draw(some))],
        draw(some),
        draw(st.lists(pieces, max_size=8)),
        draw(st.integers(0, 60)) * MINUTE,
    )


@given(layered(), st.lists(st.integers(0, 1440), max_size=8))
def test_any_partition_of_a_window_gives_the_same_totals(layers, cuts):
    window = Span(0, 1440 * MINUTE)
    whole = draw_up(window, layers)
    assert sum(each.span.length for each in whole.entries) == window.length
    assert sum(len(each) for each in (whole.pieces, whole.overtime)) == sum(
        window.holds(each.at) for each in layers.pieces
    )
    parts = [draw_up(part, layers).facts for part in spans.pieces(window, [each * MINUTE for each in cuts])]
    assert total(parts) == whole.facts


@given(layered(), st.randoms())
def test_the_order_in_which_things_are_told_changes_nothing(layers, chance):
    def shuffled(layer):
        told = list(layer)
        chance.shuffle(told)
        return told

    mixed = Layers(
        shuffled(layers.stretches),
        Planned(
            None if layers.planned.shifts is None else shuffled(layers.planned.shifts), shuffled(layers.planned.breaks)
        ),
        shuffled(layers.orders),
        shuffled(layers.maintenance),
        shuffled(layers.pieces),
        layers.microstop_us,
    )
    window = Span(0, 1440 * MINUTE)
    assert draw_up(window, mixed).facts == draw_up(window, layers).facts
    assert draw_up(window, mixed).entries == draw_up(window, layers).entries


@given(layered(), st.integers(0, 1439), st.integers(1, 1440))
def test_a_window_needs_only_the_layers_around_it(layers, start, end):
    window = Span(start * MINUTE, max(start + 1, end) * MINUTE)
    found, whole = draw_up(window, Shelf(layers).around(window)), draw_up(window, layers)
    assert (found.entries, found.facts) == (whole.entries, whole.facts)


@pytest.mark.parametrize("reason", [None, Reason("jam", None, Loss.MINOR_STOP), Reason("wait", None, Loss.IDLING)])
@pytest.mark.parametrize("state", ["idle", "starved", "blocked"])
def test_a_stop_is_minor_by_its_length_whatever_its_reason_is_called(state, reason):
    def category(threshold_us: int) -> Category:
        return one(MachineState(state), order=True, reason=reason, microstop_us=threshold_us)

    assert (category(HOUR + 1), category(HOUR)) == (Category.MINOR, Category.IDLE)
    # as long as it is, not as long as the part that is asked for
    half = draw_up(Span(0, HOUR // 2), Layers([Stretch(Span(0, HOUR), MachineState(state), reason)], microstop_us=HOUR))
    assert half.entries[0].category is Category.IDLE_UNASSIGNED
    # ... and so a policy that lets minor stops run does not let hours run
    assert TPM.element(category(HOUR)) is TimeElement.ADET


def test_long_waiting_is_idling_and_no_minor_stop():
    facts = draw_up(Span(0, HOUR), Layers([Stretch(Span(0, HOUR), MachineState.STARVED)], microstop_us=MINUTE)).facts
    lost = waterfall(facts, ISO22400)
    assert (lost["idling"], lost["minor_stop"], lost["breakdown"]) == (HOUR, 0, 0)


@given(layered(), st.integers(1, 3))
def test_what_orders_share_out_is_together_the_ledger(layers, kinds):
    ledger = draw_up(Span(0, 1440 * MINUTE), layers)
    shared = shared_out(ledger, lambda order, _: None if order is None else order % kinds)
    assert total(shared.values()) == ledger.facts
    by_time = shared_out(ledger, lambda _, moment: moment < 720 * MINUTE)
    assert total(by_time.values()) == ledger.facts
