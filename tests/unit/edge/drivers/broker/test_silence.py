"""Silence: each device that says nothing for too long is told once, and again after it spoke."""

import pytest

from edge.drivers.broker.silence import Silence


def test_a_silent_device_is_told_once_until_it_speaks_again() -> None:
    silence = Silence()
    silence.expect("a", 10, 0.0)
    silence.expect("b", 30, 0.0)
    assert (silence.fallen(9.9), silence.due_s(9.0)) == ([], 1.0)
    assert silence.fallen(10.0) == ["a"]
    assert (silence.fallen(11.0), silence.due_s(11.0)) == ([], 19.0)
    silence.hear("a", 12.0)
    assert (silence.fallen(21.9), silence.due_s(21.9)) == ([], pytest.approx(0.1))
    assert silence.fallen(30.0) == ["a", "b"]
    assert silence.due_s(31.0) is None


def test_nobody_is_blamed_for_a_time_when_he_could_not_be_heard() -> None:
    silence = Silence()
    silence.expect("a", 10, 0.0)
    silence.begin_again(100.0)
    silence.expect("a", 5, 101.0)
    assert silence.fallen(109.0) == []
    assert silence.fallen(110.0) == ["a"]


def test_who_is_not_watched_is_never_told() -> None:
    silence = Silence()
    silence.hear("a", 1.0)
    assert (silence.fallen(1e9), silence.due_s(1e9)) == ([], None)
