"""Reason codes: what is tried again, what waits for somebody, and that the message says what to look at."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.broker.answers import not_let_in, refused_topics, session_ended
from edge.errors import DriverRefused

BROKER = "connection hall: mqtt://10.2.0.5"


@pytest.mark.parametrize(("code", "is_final"), [(0x84, True), (0x86, True), (0x87, True), (0x88, False), (0x89, False)])
def test_who_is_not_let_in_learns_whether_waiting_helps(code: int, is_final: bool) -> None:
    error = not_let_in(BROKER, code, "Words", 5)
    assert isinstance(error, DriverRefused) == is_final
    assert error.message == f"{BROKER} does not let us in: Words; check user name, password and `version: 5`"


@pytest.mark.parametrize(
    ("code", "is_final", "told"),
    [
        (0x80, False, "without a word; was it restarted, or does another client call itself 'g'?"),
        (0x8E, True, "Words; was it restarted, or does another client call itself 'g'?"),
        (0x8B, False, "Words"),
    ],
)
def test_an_ended_session_is_told_with_its_likely_reason(code: int, is_final: bool, told: str) -> None:
    error = session_ended(BROKER, code, "Words", "g")
    assert isinstance(error, DriverRefused) == is_final
    assert error.message == f"{BROKER} ended the session: {told}"


def test_a_topic_that_was_refused_or_not_answered_is_named() -> None:
    assert refused_topics(BROKER, {"a": 1, "b": 1, "c": 0}, [1, 0x87, 0]) == ["b"]
    assert refused_topics(BROKER, {"a": 1, "b": 1}, [1]) == ["b"]
    assert refused_topics(BROKER, {"a": 0}, [1]) == [], "more than asked for is no harm"


@pytest.mark.parametrize(
    ("codes", "told"), [([0x80, 0x87], "refuses all topics, 'a' first"), ([1, 0], "'b' with QoS 0")]
)
def test_a_broker_that_keeps_no_promise_at_all_is_refused(codes: list[int], told: str) -> None:
    with pytest.raises(DriverRefused, match=told):
        refused_topics(BROKER, {"a": 1, "b": 1}, codes)


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.integers(0, 1), min_size=1), st.lists(st.integers(0, 255)))
def test_no_answer_crashes_it(wanted: dict[str, int], codes: list[int]) -> None:
    try:
        assert set(refused_topics(BROKER, wanted, codes)) < set(wanted)
    except DriverRefused:
        return
