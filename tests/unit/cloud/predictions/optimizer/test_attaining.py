"""What a machine has reached, and which machine holds its line up."""

import random

import pytest

from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.policy import ISO22400
from cloud.predictions.optimizer.attaining import bottleneck, reference
from cloud.predictions.optimizer.losses import LossKind

HOUR = 3_600_000_000


def day(setup: int = 4, idle: int = 0) -> Facts:
    run = 24 - setup - idle
    time = {Category.RUN: run * HOUR, Category.SETUP: setup * HOUR, Category.IDLE: idle * HOUR}
    return Facts(time, {PieceKind.GOOD: run}, {PieceKind.GOOD: run * HOUR})


def test_the_best_quarter_of_its_own_days_says_what_is_attainable() -> None:
    found = reference([day(2), day(4), day(4), day(6)] * 5, ISO22400)
    assert found is not None
    assert (found.basis, found.periods) == ("day", 20)
    assert found.oee == pytest.approx(22 / 24)
    # a quarter of the days had set-ups of 2 hours, the usual is 4; between ranks it is interpolated
    assert 0 < found.reductions[LossKind.SET_UP] <= 0.5
    assert found.reductions[LossKind.SPEED] == found.reductions[LossKind.START_UP_SCRAP] == 0


def test_of_a_long_past_weeks_are_compared_so_that_a_lucky_day_is_no_standard() -> None:
    rng = random.Random(1)
    days = [day(rng.choice([0, 8])) for _ in range(140)]
    long = reference(days, ISO22400)
    short = reference(days[:50], ISO22400)
    assert long is not None
    assert short is not None
    assert (long.basis, short.basis) == ("week", "day")
    assert short.oee == 1
    assert long.oee < 0.95


def test_of_few_days_nothing_is_said() -> None:
    assert reference([day()] * 6, ISO22400) is None
    assert reference([], ISO22400) is None


def test_the_machine_that_waits_least_holds_the_line_up() -> None:
    found = bottleneck([[day(idle=6)] * 10, [day(idle=1)] * 10, [day(idle=3)] * 10], ISO22400)
    assert found is not None
    assert (found.place, found.share) == (1, 1.0)
    assert found.is_known


def test_a_machine_whose_gateway_was_away_waited_no_less() -> None:
    seen = Facts({Category.RUN: 4 * HOUR, Category.IDLE: 8 * HOUR, Category.UNKNOWN: 12 * HOUR})
    found = bottleneck([[seen] * 10, [day(idle=10)] * 10], ISO22400)
    assert found is not None
    assert found.place == 1
    assert found.waiting == pytest.approx([8 / 12, 10 / 24])


def test_machines_that_wait_alike_are_not_told_apart() -> None:
    rng = random.Random(2)
    found = bottleneck([[day(idle=rng.randrange(8)) for _ in range(20)] for _ in range(3)], ISO22400)
    assert found is not None
    assert not found.is_known


def test_a_machine_alone_and_one_that_was_never_planned_hold_nobody_up() -> None:
    assert bottleneck([[day()] * 10], ISO22400) is None
    found = bottleneck([[Facts()] * 10, [day(idle=20, setup=0)] * 10], ISO22400)
    assert found is not None
    assert found.place == 1


def test_a_day_of_long_setups_is_no_example_of_little_slow_running() -> None:
    slow = [
        Facts(
            {Category.RUN: run * HOUR, Category.SETUP: (24 - run) * HOUR},
            {PieceKind.GOOD: 1},
            {PieceKind.GOOD: run * HOUR // 2},
        )
        for run in (20, 20, 20, 4) * 5
    ]
    found = reference(slow, ISO22400)
    assert found is not None
    assert found.reductions[LossKind.SPEED] == pytest.approx(0)
