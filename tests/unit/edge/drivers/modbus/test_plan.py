"""Requests cover every point within the limits, whatever the points."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.plan import Limits, Request, Span, Table, join, plan, split

LIMITS = st.builds(Limits, max_registers=st.integers(4, 125), max_gap=st.integers(0, 124))


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    limits = draw(st.lists(LIMITS, min_size=1, max_size=2))
    span = st.builds(
        Span,
        point=st.just(0),
        unit=st.integers(1, 2),
        table=st.sampled_from(Table),
        address=st.integers(0, 400),
        width=st.integers(1, 4),
        every_s=st.sampled_from([0.1, 1.0]),
        limits=st.sampled_from(limits),
    )
    drawn = draw(st.lists(span, max_size=60))
    return [
        Span(point, one.unit, one.table, one.address, one.width, one.every_s, one.limits)
        for point, one in enumerate(drawn)
    ]


def at(*addresses: int, width: int = 1, **limits: int) -> list[Span]:
    return [
        Span(point, 1, Table.HOLDING, address, width, 1.0, Limits(**limits)) for point, address in enumerate(addresses)
    ]


def holes(request: Request) -> list[int]:
    """Return the lengths of what a request reads along."""
    wanted = sorted({address for span in request.spans for address in range(span.address, span.end)})
    return [after - before - 1 for before, after in pairwise(wanted)]


@given(spans())
def test_every_point_lies_whole_in_exactly_one_request(spans: list[Span]) -> None:
    requests = plan(spans)
    answered = [span for request in requests for span in request.spans]
    assert sorted(span.point for span in answered) == list(range(len(spans)))
    for request in requests:
        for span in request.spans:
            assert request.address <= span.address
            assert span.end <= request.address + request.count
            assert (span.unit, span.table, span.every_s) == (request.unit, request.table, request.every_s)


@given(spans())
def test_no_request_exceeds_its_limits(spans: list[Span]) -> None:
    for request in plan(spans):
        for span in request.spans:
            assert request.count <= span.limits.max_registers * (16 if request.table.is_bits else 1)
            assert request.count <= (2000 if request.table.is_bits else 125)


@given(spans())
def test_no_hole_beyond_the_largest_is_read_along(spans: list[Span]) -> None:
    for request in plan(spans):
        limit = request.spans[0].limits.max_gap * (16 if request.table.is_bits else 1)
        assert all(hole <= limit for hole in holes(request))


@given(spans())
def test_a_request_begins_and_ends_with_a_point(spans: list[Span]) -> None:
    for request in plan(spans):
        assert request.address == min(span.address for span in request.spans)
        assert request.address + request.count == max(span.end for span in request.spans)


@given(spans(), st.randoms(use_true_random=False))
def test_the_order_of_points_does_not_matter(spans: list[Span], order: random.Random) -> None:
    shuffled = spans.copy()
    order.shuffle(shuffled)
    assert plan(shuffled) == plan(spans)


@given(spans())
def test_neighbouring_requests_could_not_be_one(spans: list[Span]) -> None:
    for one, other in pairwise(plan(spans)):
        first, second = one.spans[0], other.spans[0]
        if (first.unit, first.table, first.every_s, first.limits) != (
            second.unit,
            second.table,
            second.every_s,
            second.limits,
        ):
            continue
        end = max(one.address + one.count, second.end)
        hole = second.address - (one.address + one.count)
        assert hole > first.limits.gap(one.table) or end - one.address > first.limits.count(one.table)


def test_neighbours_travel_together() -> None:
    (request,) = plan(at(0, 2, 4, width=2))
    assert (request.address, request.count) == (0, 6)


@pytest.mark.parametrize(("max_gap", "requests"), [(7, 2), (8, 1)])
def test_a_small_hole_is_read_along(max_gap: int, requests: int) -> None:
    assert len(plan(at(0, 9, max_gap=max_gap))) == requests


@pytest.mark.parametrize(("max_registers", "requests"), [(9, 2), (10, 1)])
def test_a_block_is_as_long_as_allowed(max_registers: int, requests: int) -> None:
    assert len(plan(at(0, 9, max_registers=max_registers))) == requests


def test_bits_travel_by_the_two_thousand() -> None:
    coils = [Span(point, 1, Table.COIL, point, 1, 1.0) for point in range(2001)]
    assert [request.count for request in plan(coils)] == [2000, 1]


def test_points_on_the_same_registers_share_a_request() -> None:
    (request,) = plan([*at(5, 5), *at(4, width=4)])
    assert (request.address, request.count, len(request.spans)) == (4, 4, 3)


def test_a_hole_is_counted_from_the_end_of_what_is_read_so_far() -> None:
    wide, inside, behind = Span(0, 1, Table.HOLDING, 0, 4, 1.0), *at(1, 5)
    (request,) = plan(
        Span(n, 1, Table.HOLDING, it.address, it.width, 1.0, Limits(max_gap=1))
        for n, it in enumerate([wide, inside, behind])
    )
    assert request.count == 6


def test_a_point_wider_than_a_request_is_refused() -> None:
    with pytest.raises(ValueError, match="point 0 takes 4 items, one request may ask 3"):
        plan(at(0, width=4, max_registers=3))


def test_no_points_need_no_requests() -> None:
    assert plan([]) == []


@given(spans())
def test_the_parts_of_a_split_hold_all_points_and_share_no_item(spans: list[Span]) -> None:
    for request in plan(spans):
        parts = split(request)
        if parts is None:
            covered = set(range(request.spans[0].address, request.spans[0].end))
            for span in request.spans[1:]:
                assert span.address in covered, "points apart could be split"
                covered |= set(range(span.address, span.end))
            continue
        first, second = parts
        assert sorted(span.point for span in first.spans + second.spans) == sorted(span.point for span in request.spans)
        assert first.address + first.count <= second.address


def test_a_block_is_split_at_its_widest_hole() -> None:
    (request,) = plan(at(0, 1, 2, 8, 9, 10, 12))
    parts = split(request)
    assert parts is not None
    assert [(part.address, part.count) for part in parts] == [(0, 3), (8, 5)]


def test_a_block_without_holes_is_split_in_its_middle() -> None:
    (request,) = plan(at(*range(10)))
    parts = split(request)
    assert parts is not None
    assert [part.count for part in parts] == [5, 5]


@given(spans())
def test_parts_that_touch_are_joined_to_what_they_were(spans: list[Span]) -> None:
    for request in plan(spans):
        parts = split(request)
        if parts is None:
            continue
        first, second = parts
        touches = first.address + first.count == second.address
        assert join(first, second) == join(second, first)
        assert (join(first, second) is not None) == touches
        if touches:
            assert join(first, second) == request


def test_requests_of_different_periods_are_not_joined() -> None:
    fast, slow = Span(0, 1, Table.HOLDING, 0, 1, 0.1), Span(1, 1, Table.HOLDING, 1, 1, 1.0)
    assert join(*plan([fast, slow])) is None


def test_requests_are_not_joined_beyond_the_limit() -> None:
    one, other = plan(at(*range(8), max_registers=4))
    assert join(one, other) is None
