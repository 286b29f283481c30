"""Which ideal cycle counts."""

import uuid
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud.parts.rules import Standard, ideal_cycle_s

PRESS, OTHER = uuid.uuid4(), uuid.uuid4()
MAY = date(2026, 5, 1)


def test_the_latest_that_is_valid_counts():
    known = [Standard(30, date(2026, 1, 1), PRESS), Standard(28, MAY, PRESS), Standard(20, date(2027, 1, 1), PRESS)]
    assert ideal_cycle_s(known, MAY, PRESS, None, 99) == 28
    assert ideal_cycle_s(known, MAY - timedelta(days=1), PRESS, None, 99) == 30


def test_a_machines_own_comes_before_its_types_even_an_older_one():
    known = [Standard(30, date(2026, 1, 1), PRESS), Standard(25, MAY, machine_type="Press")]
    assert ideal_cycle_s(known, MAY, PRESS, "press", None) == 30
    assert ideal_cycle_s(known, MAY, OTHER, "PRESS", None) == 25


def test_without_one_the_parts_own_is_taken_and_without_that_nothing():
    known = [Standard(30, MAY, PRESS)]
    assert ideal_cycle_s(known, MAY - timedelta(days=1), PRESS, "press", 40) == 40
    assert ideal_cycle_s(known, MAY, OTHER, None, None) is None


standards = st.builds(
    Standard,
    ideal_cycle_s=st.floats(0.1, 1e4),
    valid_from=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    machine_id=st.sampled_from([PRESS, OTHER]),
)


@given(st.lists(standards, unique_by=lambda each: (each.machine_id, each.valid_from)), st.randoms())
def test_the_order_in_which_they_were_said_is_nothing(known, random):
    mixed = list(known)
    random.shuffle(mixed)
    day = date(2026, 7, 1)
    assert ideal_cycle_s(known, day, PRESS, None, 1) == ideal_cycle_s(mixed, day, PRESS, None, 1)
