"""Answers are remembered for a slot, and machines' slots do not end together."""

import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloud.predictions.asking import SLOT, slot

NOW = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


@given(st.uuids(), st.integers(0, 10**9))
def test_a_slot_lasts_as_long_as_is_said(machine, seconds):
    at = NOW + timedelta(seconds=seconds)
    assert slot(machine, at + SLOT) == slot(machine, at) + 1
    assert slot(machine, at + SLOT / 2) - slot(machine, at) in {0, 1}


def test_no_minute_ends_the_slots_of_all_machines():
    machines = [uuid.uuid5(uuid.NAMESPACE_OID, str(number)) for number in range(200)]
    minutes = [NOW + timedelta(minutes=number) for number in range(11)]
    ended = [sum(slot(each, end) - slot(each, begin) for each in machines) for begin, end in pairwise(minutes)]
    assert sum(ended) == len(machines), "each ends once in ten minutes"
    assert max(ended) < len(machines) / 2
