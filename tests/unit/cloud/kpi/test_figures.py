"""The properties of the formulas: what may not change them, and what they lie between."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.elements import BUSY, Category, PieceKind
from cloud.kpi.facts import Facts, total
from cloud.kpi.figures import QualityBasis, figures, line, quality_basis, times, waterfall
from cloud.kpi.policy import ISO22400, TPM, MissingQuality, Policy, UnknownTime

ASSUMING = replace(ISO22400, name="assuming", missing_quality=MissingQuality.GOOD)
POLICIES = st.sampled_from(
    [
        ISO22400,
        TPM,
        ASSUMING,
        Policy("own", False, False, False, True, UnknownTime.KNOWN, MissingQuality.GOOD, False),
    ]
)
KINDS = [PieceKind.GOOD, PieceKind.SCRAP, PieceKind.REWORK, PieceKind.STARTUP]


@st.composite
def windows(draw, kinds=tuple(PieceKind)) -> Facts:
    time = draw(st.dictionaries(st.sampled_from(list(Category)), st.integers(0, 10**12)))
    pieces = draw(st.dictionaries(st.sampled_from(kinds), st.integers(0, 10**6)))
    ideal = {kind: count * draw(st.integers(1, 10**7)) for kind, count in pieces.items()}
    return Facts(time, pieces, ideal, 0, draw(st.integers(0, 9)), draw(st.integers(0, 9)), draw(st.integers(0, 99)))


@given(
    windows(KINDS),
    st.sampled_from([Category.RUN, Category.SETUP, Category.IDLE, Category.IDLE_UNASSIGNED]),
    st.sampled_from([Category.RUN, Category.SETUP, Category.IDLE, Category.IDLE_UNASSIGNED]),
    st.integers(0, 10**12),
)
def test_oee_does_not_change_when_time_moves_among_production_setup_delay_and_down_time(facts, source, target, moved):
    time = dict(facts.time_us)
    moved = min(moved, time.get(source, 0))
    time[source] = time.get(source, 0) - moved
    time[target] = time.get(target, 0) + moved
    changed = replace(facts, time_us=time)
    assert figures(changed, ISO22400).oee == figures(facts, ISO22400).oee


@given(windows(), POLICIES)
def test_teep_is_at_most_oee_and_oee_at_most_nee(facts, policy):
    told = figures(facts, policy)
    if told.oee_lower is None:
        return
    assert told.teep <= told.oee_lower
    if told.nee is not None:
        assert told.oee_lower <= told.nee * (1 + 1e-12)


@given(windows(), POLICIES)
def test_oee_is_the_product_of_its_three_factors(facts, policy):
    told = figures(facts, policy)
    if None in {told.availability, told.effectiveness, told.quality, told.oee_lower}:
        return
    assert told.availability * told.effectiveness * told.quality == pytest.approx(told.oee_lower, rel=1e-9)


@given(windows(KINDS), POLICIES)
def test_what_is_not_known_lies_between_its_bounds(facts, policy):
    told = figures(facts, policy)
    if told.oee_lower is not None and told.oee_known is not None:
        assert told.oee_lower <= told.oee_known
        assert told.oee_lower <= told.oee_upper
        # nobody makes pieces faster than ideal for long, and then the known figure is no more than the upper one
        assert told.oee_known > 1 or told.oee_known <= told.oee_upper * (1 + 1e-12)
        assert told.oee == {"lower": told.oee_lower, "known": told.oee_known}[policy.unknown_time]


@given(windows(), POLICIES)
def test_a_waterfall_sums_to_the_planned_busy_time(facts, policy):
    lost = waterfall(facts, policy)
    assert sum(lost.values()) == times(facts, policy).pbt
    assert sum(facts.time_us.get(each, 0) for each in Category if policy.element(each) in BUSY) == sum(lost.values())


@given(st.lists(windows(), max_size=5), st.randoms(), POLICIES)
def test_a_line_is_the_ratio_of_sums_in_whatever_order_they_are_added(machines, chance, policy):
    weighted, _, _ = line(machines, policy)
    chance.shuffle(machines)
    assert figures(total(machines), policy).oee == weighted
    assert total([total(machines[:2]), total(machines[2:])]) == total(machines)


def test_where_nothing_happened_nothing_is_said():
    told = figures(Facts(), ISO22400)
    assert (told.oee, told.availability, told.effectiveness, told.quality, told.coverage) == (None,) * 5
    assert told.quality_basis == QualityBasis.NO_PIECES


def test_unjudged_pieces_have_no_quality_unless_the_policy_says_so():
    facts = Facts({Category.RUN: 100}, {PieceKind.MADE: 8}, {PieceKind.MADE: 80})
    told = figures(facts, ISO22400)
    assert (told.quality, told.oee, told.quality_basis) == (None, None, "not_measured")
    assert (told.availability, told.effectiveness) == (1.0, 0.8)
    assert (figures(facts, ASSUMING).oee, quality_basis(facts, ASSUMING)) == (0.8, "assumed_good")


def test_pieces_without_a_standard_have_no_oee_but_a_quality():
    told = figures(Facts({Category.RUN: 100}, {PieceKind.GOOD: 9, PieceKind.SCRAP: 1}, {}, 10), ISO22400)
    assert (told.oee, told.effectiveness, told.quality, told.availability) == (None, None, 0.9, 1.0)


def test_faster_than_ideal_is_shown_raw_capped_and_suspect():
    told = figures(Facts({Category.RUN: 100}, {PieceKind.GOOD: 11}, {PieceKind.GOOD: 110}), ISO22400)
    assert (told.effectiveness, told.performance, told.standard_suspect) == (1.1, 1.0, True)


def test_tpm_leaves_minor_stops_in_the_run_time_and_loses_them_as_speed():
    facts = Facts({Category.RUN: 80, Category.MINOR: 20}, {PieceKind.GOOD: 6}, {PieceKind.GOOD: 60})
    assert (figures(facts, ISO22400).availability, figures(facts, TPM).availability) == (0.8, 1.0)
    assert figures(facts, ISO22400).oee == figures(facts, TPM).oee == 0.6
    assert waterfall(facts, TPM) == waterfall(facts, ISO22400)


def test_several_parts_weigh_by_the_time_that_they_take():
    long = Facts({Category.RUN: 100}, {PieceKind.GOOD: 1}, {PieceKind.GOOD: 90})
    short = Facts({}, {PieceKind.SCRAP: 10}, {PieceKind.SCRAP: 10})
    assert figures(long + short, ISO22400).quality == 0.9
