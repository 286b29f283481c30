"""Owns which rows are learned from, which tune, and which judge: by time, a horizon apart, never by chance; pure.

A row's outcome reaches a horizon ahead, so between two windows that much is left out: else the last rows of one
would tell what came in the next.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Instants

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cuts:
    """The instants at which validation and test begin."""

    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class Split:
    """Places of rows: to learn from, to tune and calibrate by, and to be judged by."""

    train: Rows
    validation: Rows
    test: Rows

    @property
    def before_test(self) -> Rows:
        """Return all that is before the test: what the last fit learns from."""
        return np.concatenate([self.train, self.validation])


def cuts(instants: Instants, validation_share: float) -> Cuts:
    """Return cuts that leave the latest share of time to the test, and as much before it to tuning."""
    first, last = int(instants.at.min()), int(instants.at.max())
    span = last - first
    return Cuts(last - int(2 * validation_share * span), last - int(validation_share * span))


def split(instants: Instants, counts: NDArray[np.bool_], at: Cuts, horizon: int) -> Split:
    """Return the rows of each window, those alone that count, a horizon apart."""

    def rows(begin: int | None, end: int | None) -> Rows:
        inside = counts.copy()
        if begin is not None:
            inside &= instants.at >= begin
        if end is not None:
            inside &= instants.at + horizon < end
        return np.flatnonzero(inside)

    return Split(rows(None, at.validation), rows(at.validation, at.test), rows(at.test, None))


def thinned(rows: Rows, most: int) -> Rows:
    """Return every n-th row, so that at most so many are left: neighbours in time say nearly the same.

    n has no factor with a day's or a week's hours, so every hour and weekday stays represented.
    """
    step = -(-len(rows) // most)
    while step > 1 and np.gcd(step, 24 * 7) > 1:
        step += 1
    return rows[::step]
