"""Owns the algorithms that can learn, what of each may be tuned, and how rows are made ready for them.

Every pipeline validates and fills by what its own training rows showed, never by later ones. None weighs or resamples
classes: a probability is to be believed as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin  # type: ignore[import-untyped]
from sklearn.ensemble import (  # type: ignore[import-untyped]
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import Pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import RobustScaler  # type: ignore[import-untyped]

from cloud.errors import Invalid
from cloud.predictions import messages
from cloud.predictions.history import Floats

Parameters = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Range:
    """What a parameter may be: outside of it nothing is learned, or for days."""

    lower: float
    upper: float
    is_whole: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a value is one of it."""
        return self.lower <= value <= self.upper and (not self.is_whole or value == int(value))

    def __str__(self) -> str:
        """Return it in words that need no language."""
        return f"{self.lower:g}..{self.upper:g}"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way to learn.

    Attributes:
        build: Makes an untrained pipeline of parameters and a seed.
        draw: Draws parameters to be tried.
        usual: Those that are taken where nothing is tuned.
        ranges: Of each, what it may be.
    """

    build: Callable[[Parameters, int], Pipeline]
    draw: Callable[[np.random.Generator], Parameters]
    usual: Parameters
    ranges: Mapping[str, Range]


def _boosting(parameters: Parameters, seed: int) -> Pipeline:
    model = HistGradientBoostingClassifier(
        learning_rate=parameters["learning_rate"],
        max_iter=int(parameters["max_iter"]),
        max_leaf_nodes=int(parameters["max_leaf_nodes"]),
        min_samples_leaf=int(parameters["min_samples_leaf"]),
        l2_regularization=parameters["l2_regularization"],
        max_features=parameters["max_features"],
        early_stopping=False,
        random_state=seed,
    )
    # it takes what is missing as it is, and no outlier moves its bins
    return Pipeline([("model", model)])


def _draw_boosting(rng: np.random.Generator) -> Parameters:
    rate = float(np.exp(rng.uniform(np.log(0.04), np.log(0.12))))
    return {
        "learning_rate": round(rate, 4),
        # slower learning takes more steps to the same place
        "max_iter": round(10 / rate),
        "max_leaf_nodes": int(rng.choice([4, 7, 15])),
        "min_samples_leaf": int(rng.choice([20, 50, 100, 200])),
        "l2_regularization": float(rng.choice([0.1, 1.0, 5.0, 20.0])),
        "max_features": float(rng.choice([0.1, 0.2, 0.3, 0.5])),
    }


def _logistic(parameters: Parameters, seed: int) -> Pipeline:
    return Pipeline(
        [
            ("fill", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", RobustScaler(quantile_range=(5.0, 95.0))),
            ("clip", Clip()),
            ("model", LogisticRegression(C=parameters["c"], max_iter=300, random_state=seed)),
        ]
    )


def _forest(parameters: Parameters, seed: int) -> Pipeline:
    model = RandomForestClassifier(
        n_estimators=int(parameters["trees"]),
        min_samples_leaf=int(parameters["min_samples_leaf"]),
        max_features=parameters["max_features"],
        max_samples=0.5,
        random_state=seed,
    )
    return Pipeline(
        [("fill", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)), ("model", model)]
    )


class Clip(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Bounds scaled values: beyond some spreads a value is an outlier, and says no more than the bound does."""

    BOUND = 5.0

    def fit(self, rows: Floats, came: object = None) -> "Clip":
        """Learn nothing."""
        del rows, came
        return self

    def transform(self, rows: Floats) -> Floats:
        """Return the rows within the bounds."""
        bounded: Floats = np.clip(rows, -self.BOUND, self.BOUND)
        return bounded

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Both(BaseEstimator):  # type: ignore[misc]
    """A pipeline that says whether a stop comes, and one that says how long machines stand if one does."""

    def __init__(self, stops: Any, lasting: Any) -> None:
        self.stops, self.lasting = stops, lasting

    def predict_proba(self, rows: NDArray[np.float32]) -> Floats:
        """Return what the first says."""
        said: Floats = self.stops.predict_proba(rows)
        return said

    def __sklearn_is_fitted__(self) -> bool:
        return True


ALGORITHMS: Mapping[str, Algorithm] = {
    "hist_gradient_boosting": Algorithm(
        _boosting,
        _draw_boosting,
        {
            "learning_rate": 0.05,
            "max_iter": 200,
            "max_leaf_nodes": 7,
            "min_samples_leaf": 50,
            "l2_regularization": 5.0,
            "max_features": 0.3,
        },
        {
            "learning_rate": Range(0.001, 1),
            "max_iter": Range(1, 2_000, is_whole=True),
            "max_leaf_nodes": Range(2, 255, is_whole=True),
            "min_samples_leaf": Range(1, 10_000, is_whole=True),
            "l2_regularization": Range(0, 10_000),
            "max_features": Range(0.01, 1),
        },
    ),
    "logistic_regression": Algorithm(
        _logistic,
        lambda rng: {"c": round(float(np.exp(rng.uniform(np.log(1e-3), np.log(3)))), 5)},
        {"c": 0.05},
        {"c": Range(1e-6, 1e6)},
    ),
    "random_forest": Algorithm(
        _forest,
        lambda rng: {
            "trees": 60,
            "min_samples_leaf": int(rng.choice([20, 50, 100])),
            "max_features": float(rng.choice([0.2, 0.3, 0.5])),
        },
        {"trees": 60, "min_samples_leaf": 50, "max_features": 0.3},
        {
            "trees": Range(1, 1_000, is_whole=True),
            "min_samples_leaf": Range(1, 10_000, is_whole=True),
            "max_features": Range(0.01, 1),
        },
    ),
}


def algorithm(name: str) -> Algorithm:
    """Return an algorithm by its name.

    Raises:
        Invalid: There is none; lists those there are.
    """
    found = ALGORITHMS.get(name)
    if found is None:
        raise Invalid(messages.NO_ALGORITHM, name=name, known=", ".join(ALGORITHMS))
    return found


def fitted(model: Pipeline, rows: NDArray[np.float32], came: NDArray[np.bool_] | Floats) -> Pipeline:
    """Return a pipeline, trained; a column without a value here, of which no bins can be made, stays unused."""
    silent = np.isnan(rows).all(axis=0)
    model.fit(np.where(silent, np.float32(0), rows) if silent.any() else rows, came)
    return model


def lasting(rows: NDArray[np.float32], minutes: Floats, seed: int) -> Pipeline:
    """Return what says how long machines stand within a horizon in which they stop, trained on such looks.

    Boosting of the mean by the deviance of counts (Poisson), which any length above nothing has; its leaves are many
    looks each, for looks at one machine an hour apart have the same stop.
    """
    model = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=0.05,
        max_iter=100,
        max_leaf_nodes=7,
        min_samples_leaf=100,
        l2_regularization=5.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    return fitted(Pipeline([("model", model)]), rows, minutes)


def minutes_if(model: Any, rows: NDArray[np.float32]) -> Floats | None:
    """Return how many minutes a trained model expects of a stop that comes, one a row; None where it says nothing."""
    if not isinstance(model, Both):
        return None
    said: Floats = np.asarray(model.lasting.predict(rows), dtype=np.float64)
    return said


def probability(model: Any, rows: NDArray[np.float32]) -> Floats:
    """Return what a trained pipeline says, one probability a row."""
    said: Floats = np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)
    return said
