"""What a counter counted, whatever the order in which its samples came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.counters import Sample, deltas, parts

SAMPLES = st.lists(st.builds(Sample, st.integers(0, 500), st.integers(0, 70_000).map(float)), max_size=30)


def counted(samples, rollover=None) -> list[tuple[int, float]]:
    return [(each.at, each.quantity) for each in deltas(samples, rollover)]


@given(SAMPLES, st.randoms(), st.none() | st.just(65536.0))
def test_repeating_permuting_and_delaying_samples_changes_nothing(samples, chance, rollover):
    expected = deltas(samples, rollover)
    mixed = samples + chance.choices(samples, k=5) if samples else []
    chance.shuffle(mixed)
    assert deltas(mixed, rollover) == expected


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), st.data())
def test_a_late_sample_splits_a_difference_and_adds_nothing(steps, data):
    total, samples = 0, []
    for at, made in enumerate(steps):
        total += made
        samples.append(Sample(at, float(total)))
    late = data.draw(st.integers(1, len(samples) - 1))
    without = samples[:late] + samples[late + 1 :]
    lost = samples[-1].value - without[-1].value
    assert sum(each.quantity for each in deltas(without)) + lost == total - steps[0]
    assert sum(each.quantity for each in deltas([*without, samples[late]])) == total - steps[0]


@pytest.mark.parametrize(
    ("before", "now", "rollover", "expected"),
    [(65530, 4, 65536, 10), (65530, 4, None, 4), (1000, 4, 65536, 4), (5, 5, None, 0), (100_000, 4, 65536, 4)],
)
def test_a_smaller_value_is_a_rollover_near_the_end_and_a_reset_elsewhere(before, now, rollover, expected):
    assert counted([Sample(1, before), Sample(2, now)], rollover) == [(2, expected)]


@pytest.mark.parametrize(
    ("before", "shown", "rollover", "expected"),
    [
        (1000, (1000, 1001), None, 1),
        (998, (999, 0), None, 1),
        (995, (996, 997, 1), None, 3),
        (65530, (65535, 1), 65536, 7),
    ],
)
def test_several_samples_of_one_time_count_the_same_whichever_came_first(before, shown, rollover, expected):
    for order in (shown, shown[::-1]):
        told = [Sample(1, before), *(Sample(2, value, n) for n, value in enumerate(order))]
        assert sum(quantity for _, quantity in counted(told, rollover)) == expected


def test_the_first_sample_counts_nothing():
    assert counted([Sample(1, 500.0)]) == []


def test_shots_make_parts_in_each_active_cavity():
    assert (parts(12, 4), parts(12, None)) == (48, 12)
