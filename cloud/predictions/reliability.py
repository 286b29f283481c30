"""Owns how good stored predictions turned out to be, by what came of them; pure.

Only what is mature counts: the horizon is over, and so is the time that is given to records which come late. A stop
that is merely not known yet would look like a stop that did not come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.history import DAY, Floats, Times
from cloud.predictions.scoring import Flags, Interval, gain

# a gateway that was offline over a long weekend still has its say
LATENESS = timedelta(days=3)
MONTH = 30 * DAY
BINS = 10
_Z90 = 1.6449


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions that said about the same.

    Attributes:
        lower, upper: Between what the word lay.
        rows: How many.
        said: Their mean word.
        came: On what share of them a stop came.
        came_lower, came_upper: Between what that share lies, at 90 % (Wilson).
    """

    lower: float
    upper: float
    rows: int
    said: float
    came: float
    came_lower: float
    came_upper: float


def is_mature(at: Times, horizon: Times, now: int, lateness: int) -> Flags:
    """Return of which predictions the outcome can no longer change."""
    return at + horizon + lateness <= now


def reliability(said: Floats, came: Flags) -> list[Bin]:
    """Return tenths of what was said with what came; a tenth in which nothing was said is left out."""
    place = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    bins = []
    for number in np.unique(place).tolist():
        rows = place == number
        share = float(came[rows].mean())
        lower, upper = wilson(int(came[rows].sum()), int(rows.sum()))
        bins.append(
            Bin(number / BINS, (number + 1) / BINS, int(rows.sum()), float(said[rows].mean()), share, lower, upper)
        )
    return bins


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean distance of word and share over the table, weighted by rows; NaN of an empty one."""
    rows = sum(each.rows for each in bins)
    return sum(abs(each.said - each.came) * each.rows for each in bins) / rows if rows else float("nan")


def wilson(hits: float, rows: float, z: float = _Z90) -> tuple[float, float]:
    """Return between what a share lies, at 90 % without another `z`; of no rows anywhere.

    Source: Wilson, Journal of the American Statistical Association 22 (1927).
    """
    if rows <= 0:
        return 0.0, 1.0
    share = hits / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * float(np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)))
    return max(0.0, middle - half), min(1.0, middle + half)


def brier(said: Floats, came: Flags) -> float:
    """Return the mean squared distance of what was said from what came; NaN of nothing."""
    return float(np.mean((said - came) ** 2)) if len(said) else float("nan")


def coverage(minutes: Floats, lower: Floats, upper: Floats) -> float:
    """Return on what share the minutes lay within their interval; NaN of nothing, or where none was said."""
    known = np.isfinite(lower) & np.isfinite(upper)
    inside = (minutes[known] >= lower[known]) & (minutes[known] <= upper[known])
    return float(inside.mean()) if known.any() else float("nan")


def alarms_per_machine_month(said: Floats, machine: NDArray[np.int32], at: Times, threshold: float) -> float:
    """Return how often a machine's word rises to the threshold in 30 days; one that stays there is one alarm.

    What counts as time watched is from each machine's first prediction to its last; NaN where that is nothing.
    """
    order = np.lexsort((at, machine))
    lane, when, above = machine[order], at[order], said[order] >= threshold
    same = np.append(False, lane[1:] == lane[:-1])[: len(lane)]
    was_above = np.append(False, above[:-1])[: len(lane)] & same
    watched = int((np.append(0, np.diff(when))[: len(lane)] * same).sum())
    return float((above & ~was_above).sum() * MONTH / watched) if watched else float("nan")


def against(challenger: Floats, champion: Floats, came: Flags, machine: NDArray[np.int32]) -> Interval | None:
    """Return by how much a challenger's Brier score is better, over machines drawn anew; None where there are no two.

    Both must have spoken of the same instants: two that were asked on other days met other luck.
    """
    if len(np.unique(machine)) < 2:
        return None
    return gain(challenger, champion, came, machine)
