"""Owns how good probabilities are: against what came, and against a rival on the same rows; pure.

A gain is believed only when its interval, by bootstrap over whole machines, leaves zero out: rows of one machine
resemble each other, so drawing rows would make every gain look certain. Of few machines the interval is wider than
what is drawn, as Student's: of two that both gain by chance, as every fourth two do, every draw gains.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.history import Floats
from cloud.predictions.student import widening

Flags = NDArray[np.bool_]
_BINS = 10
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the bounds in which it lies at `level`."""

    value: float
    lower: float
    upper: float
    level: float = 0.95

    @property
    def excludes_zero(self) -> bool:
        """Whether it is surely more than nothing."""
        return self.lower > 0


@dataclass(frozen=True, slots=True)
class Score:
    """Probabilities held against what came.

    Attributes:
        rows: How many.
        prevalence: Share of the rows on which it came.
        brier: Mean squared error.
        log_loss: Mean negative log likelihood, in nats.
        calibration_error: Mean distance of what was said from what came, by deciles of what was said, weighted by rows.
        pr_auc: Average precision.
        lift: How much more often than on all rows it came on the tenth for which most was said; of rows at its bound of
            which the same was said, each counts in part.
    """

    rows: int
    prevalence: float
    brier: float
    log_loss: float
    calibration_error: float
    pr_auc: float
    lift: float


def score(said: Floats, came: Flags) -> Score:
    """Hold probabilities against what came."""
    prevalence = float(came.mean()) if len(came) else float("nan")
    clipped = np.clip(said, 1e-6, 1 - 1e-6)
    return Score(
        rows=len(came),
        prevalence=prevalence,
        brier=float(np.mean((said - came) ** 2)),
        log_loss=float(-np.mean(np.where(came, np.log(clipped), np.log1p(-clipped)))),
        calibration_error=calibration_error(said, came),
        pr_auc=average_precision(said, came),
        lift=_share_of_top(said, came) / prevalence if prevalence > 0 else float("nan"),
    )


def calibration_error(said: Floats, came: Flags) -> float:
    """Return the expected calibration error over bins of about as many rows each.

    Rows of which the same was said stay together: parted, they would be bins of machines, and a rule that says the
    plant's share of all of them would look wrong.
    """
    ordered = np.sort(said)
    bounds = np.unique(ordered[[len(ordered) * number // _BINS for number in range(_BINS)]])
    place = np.searchsorted(bounds, said, side="right")
    return float(np.abs(np.bincount(place, said - came)).sum() / len(said))


def _share_of_top(said: Floats, came: Flags) -> float:
    """Return on what share of the tenth for which most was said it came."""
    many = max(1, len(said) // 10)
    bound = np.partition(said, len(said) - many)[len(said) - many]
    above, at = said > bound, said == bound
    return float((came[above].sum() + came[at].mean() * (many - above.sum())) / many)


def average_precision(said: Floats, came: Flags) -> float:
    """Return the area under precision over recall, by steps; rows for which the same was said count together."""
    if not came.any():
        return float("nan")
    order = np.argsort(-said, kind="stable")
    hits = np.cumsum(came[order])
    ends = np.append(np.flatnonzero(np.diff(said[order])), len(order) - 1)
    precision, recall = hits[ends] / (ends + 1), hits[ends] / hits[-1]
    return float(np.sum(np.diff(np.concatenate(([0.0], recall))) * precision))


def gain(said: Floats, rival: Floats, came: Flags, machine: NDArray[np.int32], seed: int = 0) -> Interval:
    """Return by how much the Brier score is better than a rival's, with its interval over machines drawn anew."""
    return over_machines((rival - came) ** 2 - (said - came) ** 2, machine, seed)


def over_machines(better: Floats, machine: NDArray[np.int32], seed: int = 0) -> Interval:
    """Return the mean of a figure from -1 to 1 that each row has, with its interval over machines drawn anew.

    Of a single machine nothing is known of how machines differ: the figure may be any.
    """
    machines, place = np.unique(machine, return_inverse=True)
    sums, counts = np.bincount(place, better), np.bincount(place)
    drawn = np.random.default_rng(seed).integers(0, len(machines), (_DRAWS, len(machines)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    value = float(better.mean())
    if len(machines) < 2:
        return Interval(value, -1.0, 1.0)
    lower, upper = np.clip(value + widening(0.975, len(machines)) * (np.quantile(means, [0.025, 0.975]) - value), -1, 1)
    return Interval(value, float(lower), float(upper))


def skill(said: Floats, rival: Floats, came: Flags) -> float:
    """Return the Brier skill over a rival: 1 is perfect, 0 as good as it, below 0 worse."""
    theirs = float(np.mean((rival - came) ** 2))
    return 1 - float(np.mean((said - came) ** 2)) / theirs if theirs > 0 else float("nan")
