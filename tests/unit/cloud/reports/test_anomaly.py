"""What is unusual about a machine's downtime."""

from datetime import date, timedelta

from cloud.reports.anomaly import LEAST_DAYS, anomalies

FIRST = date(2026, 3, 2)


def days(*seconds: float) -> dict[date, float]:
    return {FIRST + timedelta(days=number): spent for number, spent in enumerate(seconds)}


USUAL = [600.0, 660, 540, 630, 570, 600, 615, 585, 645, 555]


def test_a_day_far_above_the_machines_own_is_told_with_its_evidence():
    [found] = anomalies({("M-1", "tooling"): days(*USUAL, 3600)}, FIRST)
    assert (found.machine, found.category, found.day) == ("M-1", "tooling", FIRST + timedelta(days=10))
    assert (found.seconds, found.usual_s, found.days) == (3600, 600, 10)
    # the median of the distances from 600 is 30 s: 44 s of deviation, and 60 are the least
    assert (found.deviation_s, found.score) == (60, 50)
    assert list(found.history) == USUAL


def test_the_deviation_is_that_of_a_normal_distribution():
    wide = days(*[600.0 + 100 * (-1) ** number * (number % 3) for number in range(10)], 3600)
    [found] = anomalies({("M-1", "tooling"): wide}, FIRST)
    assert found.deviation_s == 1.4826 * 100


def test_what_is_usual_there_is_not_told_and_neither_is_what_nobody_would_act_on():
    assert anomalies({("M-1", "tooling"): days(*USUAL, 700)}, FIRST) == []
    # from nothing to nine minutes
    assert anomalies({("M-1", "tooling"): days(*[0.0] * 20, 540)}, FIRST) == []
    assert len(anomalies({("M-1", "tooling"): days(*[0.0] * 20, 660)}, FIRST)) == 1


def test_a_noisy_machine_is_held_against_its_own_noise():
    noisy = days(*[0.0, 3000, 1000, 4000, 200, 2500, 3500, 100, 2800, 1500], 3900)
    assert anomalies({("M-2", "idle"): noisy}, FIRST) == []


def test_without_a_history_nothing_is_told_and_days_before_the_window_are_history_only():
    assert anomalies({("M-1", "tooling"): days(*USUAL[: LEAST_DAYS - 1], 9000)}, FIRST) == []
    later = FIRST + timedelta(days=11)
    assert anomalies({("M-1", "tooling"): days(*USUAL, 3600)}, later) == []


def test_the_most_unusual_comes_first_and_no_more_than_asked():
    series = {("A", "tooling"): days(*USUAL, 3600), ("B", "tooling"): days(*USUAL, 7200)}
    assert [each.machine for each in anomalies(series, FIRST)] == ["B", "A"]
    assert len(anomalies(series, FIRST, most=1)) == 1
