"""What a model leans on, on columns of which is known what they tell."""

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Matrix
from cloud.predictions.history import Floats
from cloud.predictions.importance import importances, shown, tied
from cloud.predictions.scoring import Flags

ROWS = 4_000
NAMES = ("stops_24h", "stops_7d", "hour", "temp", "age")
GROUPS = {"stops_24h": "stops", "stops_7d": "stops", "hour": "calendar", "temp": "telemetry", "age": "machine"}


def _plant(seed: int = 1) -> tuple[Matrix, Flags, NDArray[np.int32]]:
    """Stops tell what comes, by two columns that say the same; the hour nothing; the temperature follows the stops."""
    rng = np.random.default_rng(seed)
    stops = rng.normal(size=ROWS)
    temperature = stops + 0.3 * rng.normal(size=ROWS)
    values = np.column_stack([stops, stops, rng.normal(size=ROWS), temperature, rng.normal(size=ROWS)])
    came = rng.random(ROWS) < _sigmoid(2 * stops)
    return Matrix(values.astype(np.float32), NAMES, GROUPS), came, rng.integers(0, 20, ROWS).astype(np.int32)


def _sigmoid(of: Floats) -> Floats:
    return 1 / (1 + np.exp(-of))


def _model(values: NDArray[np.float32]) -> Floats:
    """A model that takes half of what it knows from either column: a forest does."""
    return _sigmoid((values[:, 0] + values[:, 1]).astype(np.float64))


def test_columns_that_say_the_same_are_permuted_together_and_the_group_has_all_that_they_tell() -> None:
    matrix, came, machine = _plant()
    first = importances(_model, matrix, came, machine)[0]
    assert first.group == "stops"
    assert first.features == 2
    alone = Matrix(matrix.values, NAMES, {**GROUPS, "stops_7d": "twin"})
    halves = [each.loss.value for each in importances(_model, alone, came, machine) if each.group in {"stops", "twin"}]
    assert first.loss.value > 1.2 * sum(halves)


def test_what_the_model_does_not_use_has_no_importance_at_all() -> None:
    matrix, came, machine = _plant()
    of = {each.group: each for each in importances(_model, matrix, came, machine)}
    assert of["calendar"].loss.value == 0
    assert not of["calendar"].is_sure
    assert of["stops"].is_sure


def test_a_group_that_says_much_the_same_as_another_names_it() -> None:
    ties = tied(_plant()[0])
    assert ties["stops"] == ("telemetry",)
    assert ties["telemetry"] == ("stops",)
    assert ties["machine"] == ties["calendar"] == ()


def test_a_column_of_nothing_known_and_one_that_never_changes_are_tied_to_nothing() -> None:
    matrix, came, machine = _plant()
    values = matrix.values.copy()
    values[:, 2], values[:, 4] = np.nan, 7.0
    found = importances(_model, Matrix(values, NAMES, GROUPS), came, machine)
    assert all(np.isfinite(each.loss.value) for each in found)
    assert {each.group: each.tied_to for each in found}["calendar"] == ()


def test_the_same_seed_says_the_same_and_the_interval_holds_the_value() -> None:
    matrix, came, machine = _plant()
    assert shown(importances(_model, matrix, came, machine)) == shown(importances(_model, matrix, came, machine))
    for each in importances(_model, matrix, came, machine):
        assert each.loss.lower <= each.loss.value <= each.loss.upper
