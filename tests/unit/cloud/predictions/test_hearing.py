"""Whether a model still hears of a machine what it learned from."""

import uuid

from cloud.predictions.hearing import is_blind, is_silent, latest
from cloud.predictions.history import HOUR

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
AT = 10_000 * HOUR
LONG_AGO = AT - 49 * HOUR


def test_of_what_a_machine_told_it_must_be_heard_within_two_days():
    heard = {"alarms": {ONE: LONG_AGO}, "work": {ONE: AT - 47 * HOUR}}
    assert is_blind(heard, ONE, {"stops", "alarms"}, AT)
    assert not is_blind(heard, ONE, {"stops", "work", "quality"}, AT)
    assert is_blind({"work": {ONE: LONG_AGO}}, ONE, {"quality"}, AT)


def test_what_a_machine_never_told_or_the_model_does_not_look_at_is_no_silence():
    heard = {"alarms": {ONE: LONG_AGO}}
    assert not is_blind(heard, OTHER, {"alarms", "telemetry"}, AT)
    assert not is_blind(heard, ONE, {"telemetry", "calendar"}, AT)
    assert not is_blind({}, ONE, {"alarms"}, AT)


def test_of_an_import_and_a_gateway_the_later_word_counts():
    assert latest({ONE: 5, OTHER: 2}, {ONE: 3}, {OTHER: 9}) == {ONE: 5, OTHER: 9}


def test_nobody_speaks_for_a_machine_of_whose_stops_nobody_tells_any_more():
    heard = {"stops": {ONE: LONG_AGO}}
    assert is_silent(heard, ONE, AT)
    assert not is_silent(heard, ONE, AT - 2 * HOUR)
    assert not is_silent(heard, OTHER, AT), "it tells of itself"
