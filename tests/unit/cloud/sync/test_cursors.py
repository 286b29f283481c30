"""What a pull's cursor holds."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import Invalid
from cloud.feed import Horizon, Position
from cloud.identity.schemas import Caller, Role
from cloud.sync.cursors import DONE, Cursor

BIG = st.integers(0, 2**63 - 1)
CURSORS = st.builds(
    Cursor,
    server=BIG,
    user_id=st.integers(1, 2**31 - 1),
    is_worker=st.booleans(),
    position=st.builds(Position, BIG, BIG),
    source=st.integers(DONE, 5),
    after=st.integers(0, 2**31 - 1),
)
WORKER = Caller(7, uuid.uuid4(), Role.WORKER)
HORIZON = Horizon(Position(100), newest=120, server=1)


@given(CURSORS)
def test_a_cursor_says_after_a_walk_through_text_what_it_said_before(cursor):
    assert Cursor.read(str(cursor)) == cursor


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text):
    with pytest.raises(Invalid) as refused:
        Cursor.read(text)
    assert refused.value.code == "CURSOR_INVALID"


def test_one_goes_on_from_the_own_cursor_at_the_same_server_with_the_same_sight():
    mine = Cursor.beginning(WORKER, HORIZON)
    assert mine.can_go_on(WORKER, HORIZON)
    assert not mine.can_go_on(Caller(8, WORKER.organization_id, Role.WORKER), HORIZON)
    assert not mine.can_go_on(Caller(7, WORKER.organization_id, Role.PLANNER), HORIZON)
    assert not mine.can_go_on(WORKER, Horizon(HORIZON.end, HORIZON.newest, server=2))


def test_a_cursor_from_a_future_that_was_rolled_back_is_not_gone_on_from():
    ahead = Cursor.now(WORKER, Horizon(Position(130), newest=140, server=1))
    assert not ahead.can_go_on(WORKER, HORIZON)


@pytest.mark.parametrize("role", [Role.PLANNER, Role.ADMIN])
def test_a_planner_who_becomes_an_admin_goes_on(role):
    planner = Cursor.now(Caller(7, WORKER.organization_id, Role.PLANNER), HORIZON)
    assert planner.can_go_on(Caller(7, WORKER.organization_id, role), HORIZON)
