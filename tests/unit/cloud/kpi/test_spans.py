"""Stretches of time, held against a plain set of moments."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.spans import Span, minus, overlaps, pieces, total, union, within

SPANS = st.lists(st.builds(Span, st.integers(0, 40), st.integers(0, 40)), max_size=8)


def moments(spans) -> set[int]:
    return {at for span in spans for at in range(span.start, span.end)}


@given(SPANS, SPANS)
def test_union_and_difference_are_those_of_the_moments(one, two):
    assert moments(union(one)) == moments(one)
    assert moments(minus(one, two)) == moments(one) - moments(two)
    assert total(one) == len(moments(one))
    for found in (union(one), minus(one, two)):
        assert overlaps(found) == []
        assert all(span.length for span in found)


@given(SPANS)
def test_what_touches_becomes_one(spans):
    joined = union(spans)
    assert all(one.end < two.start for one, two in itertools.pairwise(joined))


@given(st.lists(st.integers(-5, 50), max_size=8))
def test_a_window_is_cut_without_loss(edges):
    window = Span(0, 40)
    found = list(pieces(window, edges))
    assert sum(each.length for each in found) == 40
    assert [each.start for each in found][1:] == [each.end for each in found][:-1]


def test_what_lies_within_a_window_is_cut_to_it():
    assert within([Span(5, 9), Span(0, 3), Span(9, 12)], Span(2, 9)) == [Span(2, 3), Span(5, 9)]
