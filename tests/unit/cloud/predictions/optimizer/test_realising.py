"""What an accepted suggestion brought: a change of products is none of it."""

import random

import pytest

from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.policy import ISO22400
from cloud.predictions.optimizer.associating import Observed
from cloud.predictions.optimizer.realising import realised

HOUR = 3_600_000_000
OEE = {"easy": 0.8, "hard": 0.4}


AWAY = Facts({Category.UNKNOWN: HOUR}, {}, {})


def days(count: int, hours: dict[str, int], better: float = 0.0) -> list[Observed]:
    return [
        Observed(day, {"product": product}, _hour(OEE[product] + better + 0.01 * (day % 3 - 1)))
        for day in range(count)
        for product, number in hours.items()
        for _ in range(number)
    ]


def _hour(oee: float) -> Facts:
    return Facts({Category.RUN: HOUR}, {PieceKind.GOOD: 1}, {PieceKind.GOOD: round(oee * HOUR)})


def test_easier_products_are_no_gain() -> None:
    before, after = days(21, {"easy": 4, "hard": 20}), days(21, {"easy": 20, "hard": 4})
    found = realised(before, after, ISO22400)
    assert found is not None
    assert found.gain == pytest.approx(0, abs=1e-9)
    assert found.lower < 0 < found.upper


def test_what_became_better_is_found_with_its_interval() -> None:
    found = realised(days(21, {"easy": 8, "hard": 8}), days(14, {"easy": 8, "hard": 8}, better=0.05), ISO22400)
    assert found is not None
    assert found.gain == pytest.approx(0.05, abs=0.005)
    assert 0 < found.lower < 0.05 < found.upper
    assert (found.days_before, found.days_after, found.compared) == (21, 14, 1.0)


def test_what_was_never_made_before_is_left_out_and_that_is_said() -> None:
    found = realised(days(10, {"easy": 8}), days(10, {"easy": 6, "hard": 2}, better=0.05), ISO22400)
    assert found is not None
    assert found.compared == 0.75
    assert found.gain == pytest.approx(0.05, abs=0.01)


def test_nothing_is_said_of_few_days_or_of_nothing_alike() -> None:
    assert realised(days(20, {"easy": 8}), days(6, {"easy": 8}), ISO22400) is None
    assert realised(days(20, {"easy": 8}), days(20, {"hard": 8}), ISO22400) is None
    assert realised([], [], ISO22400) is None


def test_a_gateway_that_was_away_takes_nothing_from_what_a_change_brought() -> None:
    before, after = days(21, {"easy": 16}), days(21, {"easy": 16}, better=0.05)
    away = [Observed(each.day, each.levels, AWAY) for each in after[::2]]
    found = realised(before, after[1::2] + away, ISO22400)
    assert found is not None
    assert found.gain == pytest.approx(0.05, abs=0.005)
    assert found.lower > 0


def test_what_was_made_without_an_ideal_cycle_is_no_loss_of_a_change() -> None:
    before, after = days(14, {"easy": 16}), days(14, {"easy": 16})
    bare = [
        Observed(day, {"product": "easy"}, Facts({Category.RUN: HOUR}, {PieceKind.GOOD: 9}, {}, 9)) for day in range(7)
    ]
    found = realised(before, after + bare, ISO22400)
    assert found is not None
    assert found.gain == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [7, 14])
def test_of_nothing_changed_nine_of_ten_intervals_have_nothing_within(count: int) -> None:
    rng = random.Random(2)

    def side() -> list[Observed]:
        return [Observed(day, {"product": "easy"}, _hour(rng.gauss(0.6, 0.08))) for day in range(count)]

    found = [realised(side(), side(), ISO22400) for _ in range(200)]
    inside = sum(each.lower <= 0 <= each.upper for each in found if each is not None)
    assert 172 <= inside <= 196
