"""Cursors."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud import paging
from cloud.errors import Invalid

PLACES = st.tuples(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-(2**53), 2**53),
    st.uuids(),
    st.text(st.characters(codec="utf-8")),
)


@given(PLACES)
def test_a_cursor_gives_back_the_place_it_was_made_of(place):
    kinds = [datetime, int, uuid.UUID, str]
    assert paging.decode(paging.encode(place), kinds) == list(place)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_anything_else_is_refused_as_a_cursor(text):
    with pytest.raises(Invalid) as caught:
        paging.decode(text, [datetime, uuid.UUID])
    assert caught.value.code == "CURSOR_INVALID"


@given(PLACES)
def test_a_cursor_of_another_list_is_refused(place):
    with pytest.raises(Invalid):
        paging.decode(paging.encode(place), [datetime, int])
