"""Answers wait for each other on a busy line only, and never long."""

from edge.drivers.modbus.bundle import Bundle
from shared.reading import Readings, from_rows


def answer(point: int) -> Readings:
    return from_rows([point], [0], 1, [1.0])


def fed(bundle: Bundle, per_s: float, seconds: float, start: float = 0.0) -> float:
    """Answer and hand over at this rate; returns the time."""
    now = start
    while now < start + seconds:
        now += 1 / per_s
        bundle.add(answer(0), now)
        bundle.take()
    return now


def test_on_a_line_at_ease_each_answer_is_handed_over_at_once() -> None:
    bundle = Bundle()
    now = fed(bundle, 100.0, 2.0)
    assert not bundle.is_ripe(now, 0.0), "nothing is held"
    bundle.add(answer(1), now)
    assert bundle.is_ripe(now, 0.0)


def test_on_a_busy_line_answers_wait_for_each_other_forty_milliseconds() -> None:
    bundle = Bundle()
    now = fed(bundle, 1000.0, 0.5)
    for point in range(5):
        bundle.add(answer(point), now + point / 1000)
        assert not bundle.is_ripe(now + point / 1000, 0.0)
    assert bundle.is_ripe(now + 0.0401, 0.0)
    readings = bundle.take()
    assert readings is not None
    assert readings.tag.tolist() == [0, 1, 2, 3, 4]
    assert bundle.take() is None


def test_nobody_waits_for_an_answer_that_comes_too_late_to_wait_for() -> None:
    bundle = Bundle()
    now = fed(bundle, 1000.0, 0.5)
    bundle.add(answer(0), now)
    assert not bundle.is_ripe(now, 0.035)
    assert bundle.is_ripe(now, 0.05)


def test_what_is_held_is_bounded() -> None:
    bundle = Bundle()
    now = fed(bundle, 50_000.0, 0.5)
    for _ in range(128):
        bundle.add(answer(0), now)
    assert bundle.is_ripe(now, 0.0)


def test_a_line_that_calms_down_is_no_longer_busy() -> None:
    bundle = Bundle()
    now = fed(bundle, 50.0, 1.0, fed(bundle, 1000.0, 0.5))
    bundle.add(answer(0), now)
    assert bundle.is_ripe(now, 0.0)
