"""Owns the Weibull law of lifetimes, those not over yet included; pure.

Source of the likelihood: Meeker and Escobar, Statistical Methods for Reliability Data, 8.2 (right censoring). Of few
lives its greatest value makes things look as if they wore out: of eight whose hazard is constant, every tenth time
surely. So the shape is that of the modified profile likelihood: Yang and Xie, Efficient Estimation of the Weibull Shape
Parameter, Journal of Statistical Computation and Simulation 73 (2003).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.history import Floats

_FEWEST = 8
_STEPS = 60
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Weibull:
    """A law of lifetimes in hours.

    Attributes:
        shape: Above 1 things wear out, below 1 the young fail.
        scale: In hours; 63 % are over by then.
        shape_lower, shape_upper: Bounds of the shape at 95 %.
    """

    shape: float
    scale: float
    shape_lower: float
    shape_upper: float

    @property
    def wears_out(self) -> bool:
        """Whether it is sure that the older fail more often: only then does a preventive replacement help."""
        return self.shape_lower > 1

    def within(self, age: Floats, hours: float) -> Floats:
        """Return the probability that a life of this age ends within so many more hours; one below 0 is new."""
        age = np.maximum(age, 0.0)
        # the hazard at the end, less that of the age: as a share of it, for two that no number holds have no difference
        with np.errstate(over="ignore", divide="ignore"):
            share = -np.expm1(-self.shape * np.log1p(hours / age))
            more = ((age + hours) / self.scale) ** self.shape * share
        return -np.expm1(-more)


def fit_weibull(hours: Floats, is_over: NDArray[np.bool_]) -> Weibull | None:
    """Return the law by modified maximum likelihood, or None where fewer than eight lives are over.

    Args:
        hours: Of each life, above 0.
        is_over: False for those that still last.
    """
    events = int(is_over.sum())
    if events < _FEWEST:
        return None
    logs = np.log(hours)
    logs = logs - logs.max()  # the scale cancels; powers stay finite
    mean_log, known = float(logs[is_over].mean()), (events - 2) / events

    def slope(shape: float) -> tuple[float, float]:
        """The derivative of the profile likelihood, per event, and that derivative's own."""
        weights = np.exp(shape * logs)
        weights /= weights.sum()
        first = float(weights @ logs)
        second = float(weights @ logs**2) - first**2
        return known / shape + mean_log - first, -known / shape**2 - second

    low, high = 0.02, 50.0
    shape = 1.0
    for _ in range(_STEPS):
        value, derivative = slope(shape)
        low, high = (shape, high) if value > 0 else (low, shape)
        step = shape - value / derivative
        following = step if low < step < high else (low + high) / 2
        if abs(following - shape) < _TOLERANCE * shape:
            break
        shape = following
    error = 1.96 / np.sqrt(-slope(shape)[1] * events) / shape
    largest = float(np.log(hours).max())
    scale = float(np.exp(largest + np.log(np.exp(shape * logs).sum() / events) / shape))
    return Weibull(shape, scale, shape * float(np.exp(-error)), shape * float(np.exp(error)))
