"""Owns how many minutes of stop are expected, and how good that is: by bias, deviance and lift; pure.

Never by the mean distance: most moments have no stop, and who says none of any has the smallest.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.history import Floats

Flags = NDArray[np.bool_]
# stops of the plant that weigh as much as its own where a machine had few
_PRIOR_STOPS = 5.0
# between a count's law and a length's: some moments have none, and the others any
POWER = 1.5
# of a minute: nobody is sure of none
_LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class MeanMinutes:
    """How long machines stand within a horizon in which they stop.

    Attributes:
        plant: The mean of all, minutes; 0 where nothing ever stopped.
        own: By machine, drawn to the plant's where it had few stops.
    """

    plant: float
    own: Floats

    def of(self, machine: NDArray[np.int32]) -> Floats:
        """Return the mean of each machine; of one that is not known, the plant's."""
        if not len(self.own):
            return np.full(len(machine), self.plant)
        known = machine < len(self.own)
        return np.where(known, self.own[np.minimum(machine, len(self.own) - 1)], self.plant)


@dataclass(frozen=True, slots=True)
class MinutesScore:
    """Expected minutes held against those that came.

    Attributes:
        bias: By which share too many were expected: 0.1 is a tenth too many; NaN where none came.
        deviance: Mean Tweedie deviance of power 1.5; the smaller the better, and least for who says the true mean.
        lift: How many times its share of the minutes came in the tenth for which most were expected.
    """

    bias: float
    deviance: float
    lift: float

    def written(self) -> dict[str, float | None]:
        """Return the figures as JSON has them: what is no number is none."""
        return {name: value if np.isfinite(value) else None for name, value in asdict(self).items()}


def learned(stopped: Flags, minutes: Floats, machine: NDArray[np.int32]) -> MeanMinutes:
    """Return how long machines stood, of looks after which they stopped."""
    if not stopped.any():
        return MeanMinutes(0.0, np.empty(0))
    plant = float(minutes[stopped].mean())
    total = np.bincount(machine[stopped], minutes[stopped])
    many = np.bincount(machine[stopped])
    return MeanMinutes(plant, (total + _PRIOR_STOPS * plant) / (many + _PRIOR_STOPS))


def score(expected: Floats, came: Floats) -> MinutesScore:
    """Hold expected minutes against those that came."""
    total = float(came.sum())
    if total <= 0:
        return MinutesScore(float("nan"), deviance(expected, came), float("nan"))
    return MinutesScore(float(expected.sum()) / total - 1, deviance(expected, came), _lift(expected, came, total))


def deviance(expected: Floats, came: Floats) -> float:
    """Return the mean Tweedie deviance."""
    return float(np.mean(deviances(expected, came)))


def deviances(expected: Floats, came: Floats) -> Floats:
    """Return the Tweedie deviance of each.

    Source: Jorgensen, The Theory of Dispersion Models, 1997, 4.2.
    """
    mean = np.maximum(expected, _LEAST)
    one, two = 1 - POWER, 2 - POWER
    each: Floats = 2 * (came**two / (one * two) - came * mean**one / one + mean**two / two)
    return each


def _lift(expected: Floats, came: Floats, total: float) -> float:
    many = max(1, len(expected) // 10)
    bound = np.partition(expected, len(expected) - many)[len(expected) - many]
    above, at = expected > bound, expected == bound
    # of looks at the bound of which the same was expected each counts in part
    top = float(came[above].sum() + came[at].mean() * (many - above.sum()))
    return top / total * len(expected) / many
