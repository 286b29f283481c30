"""What an accepted suggestion brought: a change of products is none of it."""

import pytest

from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.policy import ISO22400
from cloud.predictions.optimizer.associating import Observed
from cloud.predictions.optimizer.realising import realised

HOUR = 3_600_000_000
OEE = {"easy": 0.8, "hard": 0.4}


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
