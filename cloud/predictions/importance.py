"""Owns what a model leans on: how much worse it becomes when a group of features is put in an order of chance; pure.

Features of a group are permuted together, for of two that say the same a model can do without either: permuted one by
one, both would look idle. Groups that say much the same as another are named beside it, for the same reason.

Source: Breiman, Random Forests, Machine Learning 45 (2001); by groups: Gregorutti and others, 2015.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Matrix
from cloud.predictions.history import Floats
from cloud.predictions.scoring import Flags, Interval, over_machines

REPEATS = 5
# of a group that says much the same as another: rank correlation of some pair of their features
TIED = 0.7
# enough to tell 0.7 from 0.6
_RANKED_ROWS = 2_000

Said = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True, slots=True)
class Importance:
    """A group of features.

    Attributes:
        group: Its name.
        features: How many it has.
        loss: By how much the Brier score rises without what it tells, with its interval over machines.
        tied_to: Groups that say much the same; what is lost without both may be more than the sum.
    """

    group: str
    features: int
    loss: Interval
    tied_to: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        """Whether the model surely leans on it."""
        return self.loss.excludes_zero


def importances(
    said: Said, matrix: Matrix, came: Flags, machine: NDArray[np.int32], *, repeats: int = REPEATS, seed: int = 0
) -> list[Importance]:
    """Return every group's importance, the greatest first.

    Args:
        said: Gives probabilities of values.
        matrix: Of rows that nothing was learned from.
        came: What came of them.
        machine: Whose they are; intervals are over machines drawn anew.
        repeats: How often each group is permuted; the mean of them is told.
        seed: The same seed permutes alike.
    """
    rng = np.random.default_rng(seed)
    error = (said(matrix.values) - came) ** 2
    ties = tied(matrix)
    found = []
    for group, own in columns_of(matrix).items():
        worse = np.zeros(len(came))
        for _ in range(repeats):
            values = matrix.values.copy()
            values[:, own] = matrix.values[rng.permutation(len(values))][:, own]
            worse += ((said(values) - came) ** 2 - error) / repeats
        found.append(Importance(group, len(own), over_machines(worse, machine, seed), ties[group]))
    return sorted(found, key=lambda each: -each.loss.value)


def columns_of(matrix: Matrix) -> dict[str, list[int]]:
    """Return the places of each group's features."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(matrix.names):
        found.setdefault(matrix.groups[name], []).append(place)
    return found


def tied(matrix: Matrix) -> dict[str, tuple[str, ...]]:
    """Return of each group the others that say much the same: some pair of features with a rank correlation above."""
    groups = columns_of(matrix)
    step = max(1, len(matrix.values) // _RANKED_ROWS)
    ranks = np.column_stack([_ranks(column) for column in matrix.values[::step].T])
    spread = ranks.std(axis=0)
    ranks = np.where(spread > 0, (ranks - ranks.mean(axis=0)) / np.where(spread > 0, spread, 1), 0.0)
    related = np.abs(ranks.T @ ranks) / max(1, len(ranks))
    return {
        group: tuple(
            other
            for other, theirs in groups.items()
            if other != group and float(related[np.ix_(own, theirs)].max()) >= TIED
        )
        for group, own in groups.items()
    }


def _ranks(column: NDArray[np.float32]) -> Floats:
    """Return mean ranks; what is not known lies in the middle."""
    known = np.isfinite(column)
    found = np.full(len(column), (known.sum() - 1) / 2)
    _, place, counts = np.unique(column[known], return_inverse=True, return_counts=True)
    found[known] = (np.cumsum(counts) - (counts + 1) / 2)[place]
    return found


def shown(found: Sequence[Importance]) -> list[dict[str, object]]:
    """Return them for a program or a model's row."""
    return [
        {
            "group": each.group,
            "features": each.features,
            "loss": each.loss.value,
            "lower": each.loss.lower,
            "upper": each.loss.upper,
            "level": each.loss.level,
            "is_sure": each.is_sure,
            "tied_to": list(each.tied_to),
        }
        for each in found
    ]
