"""Associations: found where they are, sure only where days bear it, and named entangled where nothing parts them."""

import random

import pytest

from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.policy import ISO22400
from cloud.predictions.optimizer.associating import Observed, associations

HOUR = 3_600_000_000


def hour(good: float) -> Facts:
    made = round(good * HOUR)
    return Facts({Category.RUN: HOUR}, {PieceKind.GOOD: 1}, {PieceKind.GOOD: made})


def plant(seed: int = 1, *, tied: bool = False) -> list[Observed]:
    """Twenty days of hours: at night it makes less; who works and what is made is chance, or goes with the shift."""
    rng, rows = random.Random(seed), []
    for day in range(20):
        for number in range(24):
            is_night = number < 8
            product = ("A" if is_night else "B") if tied else rng.choice("AB")
            levels = {"shift": "night" if is_night else "day", "product": product, "operator": rng.choice("XY")}
            rows.append(Observed(day, levels, hour(rng.uniform(0.3, 0.5) if is_night else rng.uniform(0.5, 0.7))))
    return rows


def test_what_goes_along_with_a_lower_oee_is_found_with_its_interval() -> None:
    of = {(each.factor, each.level): each for each in associations(plant(), ISO22400)}
    night = of["shift", "night"]
    assert night.difference == pytest.approx(-0.2, abs=0.03)
    assert night.is_sure
    assert night.lower < night.difference < night.upper
    assert night.observed == 160
    assert night.entangled_with == ()
    assert not of["operator", "X"].is_sure


def test_factors_that_never_part_are_named_entangled() -> None:
    of = {(each.factor, each.level): each for each in associations(plant(tied=True), ISO22400)}
    assert of["product", "A"].entangled_with == ("shift",)
    assert of["shift", "night"].entangled_with == ("product",)
    assert of["operator", "X"].entangled_with == ()


def test_of_few_hours_and_of_one_level_alone_nothing_is_said() -> None:
    assert associations(plant()[:20], ISO22400) == []
    alone = [Observed(each.day, {"shift": "day"}, each.facts) for each in plant()]
    assert associations(alone, ISO22400) == []
    assert associations([], ISO22400) == []


def test_of_twenty_operators_who_work_alike_none_is_told_to_differ() -> None:
    told = sure = 0
    for seed in range(20):
        rng, rows = random.Random(seed), []
        for day in range(30):
            luck = rng.gauss(0, 0.05)
            for who in rng.sample(range(20), 6):
                rows += [Observed(day, {"operator": f"{who}"}, hour(0.6 + luck + rng.gauss(0, 0.05))) for _ in range(4)]
        found = associations(rows, ISO22400)
        told += len(found)
        sure += any(each.is_sure for each in found)
    assert told > 300
    # by chance one plant in twenty
    assert sure <= 3


def test_a_night_of_which_half_is_not_known_is_no_worse_a_night() -> None:
    rng, rows = random.Random(1), []
    for day in range(20):
        for number in range(24):
            made = hour(rng.uniform(0.5, 0.7))
            away = Facts({Category.UNKNOWN: HOUR}, {}, {})
            is_night = number < 8
            rows.append(
                Observed(day, {"shift": "night" if is_night else "day"}, away if is_night and number % 2 else made)
            )
    of = {each.level: each for each in associations(rows, ISO22400)}
    assert of["night"].oee == pytest.approx(0.6, abs=0.02)
    assert of["night"].difference == pytest.approx(0, abs=0.02)
    assert not of["night"].is_sure
