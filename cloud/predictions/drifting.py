"""Owns whether the world is still the one that a model learned: its inputs, and how often stops come; pure.

Inputs are compared by the population stability index, a distance of two distributions; one block of time that differs
may be chance or a holiday, two in a row are drift. Stops are compared in windows that do not overlap: of windows that
do, each stop would be counted again and again, and the test would be sure of nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Matrix
from cloud.predictions.history import DAY, Floats, Times
from cloud.predictions.scoring import Flags

# the index's customary bounds: below 0.1 nothing, above 0.25 another population (Siddiqi, Credit Risk Scorecards, 2006)
PSI_LIMIT = 0.25
IN_A_ROW = 2
# a test that looks every week and errs once in a hundred looks would cry wolf every two years
ALARM_BELOW = 0.01
_BINS = 10
# below so many rows of a block a share of a tenth means nothing
FEWEST_ROWS = 100
# of fewer weeks it is not known how much they differ by chance
_FEWEST_WEEKS = 6


@dataclass(frozen=True, slots=True)
class Concept:
    """Observed stops held against those that were to be expected.

    Attributes:
        windows: How many, none of a machine overlapping another of it.
        observed: In how many of them a stop came.
        expected: In how many one was to come, by what was said.
        p_value: Of so distant a count by chance, were the word right; exact, two-sided, Poisson.
    """

    windows: int
    observed: int
    expected: float
    p_value: float

    @property
    def is_alarm(self) -> bool:
        """Whether chance hardly explains it."""
        return self.p_value < ALARM_BELOW


def psi(reference: Floats, current: Floats) -> float:
    """Return the population stability index of a feature; 0 where nothing differs.

    Args:
        reference: What it was when the model learned; NaN is a value of its own.
        current: What it is.

    Returns:
        NaN where either has fewer than `FEWEST_ROWS` rows.
    """
    if min(len(reference), len(current)) < FEWEST_ROWS:
        return math.nan
    known = reference[np.isfinite(reference)]
    edges = _edges(known) if len(known) else np.empty(0)
    then, now = _shares(reference, edges), _shares(current, edges)
    return float(np.sum((now - then) * np.log(now / then)))


def _edges(known: Floats) -> Floats:
    """Return the bounds of tenths, and those of all that was ever seen: what lies beyond is a bin of its own."""
    tenths = np.quantile(known, np.linspace(0, 1, _BINS + 1))
    return np.unique(np.append(tenths[:-1], np.nextafter(tenths[-1], np.inf)))


def _shares(values: Floats, edges: Floats) -> Floats:
    place = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), len(edges) + 1)
    counts = np.bincount(place, minlength=len(edges) + 2).astype(np.float64)
    # half a row in each bin: one that was empty is rare, not impossible
    shares: Floats = (counts + 0.5) / (len(values) + 0.5 * len(counts))
    return shares


def is_lasting(indices: Sequence[float], limit: float = PSI_LIMIT) -> bool:
    """Return whether the latest blocks, the oldest first, are all above the limit; a NaN is not."""
    latest = indices[-IN_A_ROW:]
    return len(latest) == IN_A_ROW and all(each > limit for each in latest)


def apart(machine: NDArray[np.int32], at: Times, horizon: int) -> NDArray[np.int64]:
    """Return places of instants whose windows of a horizon do not overlap, the first of each machine among them."""
    order = np.lexsort((at, machine))
    chosen: list[int] = []
    last_machine, over = -1, 0
    for place in order.tolist():
        if machine[place] != last_machine or at[place] >= over:
            chosen.append(place)
            last_machine, over = int(machine[place]), int(at[place]) + horizon
    return np.array(chosen, np.int64)


def concept(said: Floats, came: Flags) -> Concept:
    """Hold what came against what was said, of windows that do not overlap.

    A count of chances of different sizes varies less than Poisson's: the test errs on the quiet side.
    """
    observed, expected = int(came.sum()), float(said.sum())
    return Concept(len(said), observed, expected, poisson_p(observed, expected))


def poisson_p(observed: int, expected: float) -> float:
    """Return the exact two-sided p value of a count, twice its smaller tail, at most 1.

    Source: Przyborowski and Wilenski, Biometrika 31 (1940), for one sample.
    """
    if expected <= 0:
        return 1.0 if observed == 0 else 0.0
    at_most = _at_most(observed, expected)
    at_least = 1.0 - (_at_most(observed - 1, expected) if observed else 0.0)
    return min(1.0, 2 * max(0.0, min(at_most, at_least)))


def _at_most(count: int, mean: float) -> float:
    terms = (math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))
    return min(1.0, math.fsum(terms))


@dataclass(frozen=True, slots=True)
class Input:
    """One feature's distance from what was learned.

    Attributes:
        indices: Of each of the latest weeks, the oldest first; NaN of one with too few rows.
        limit: Above it a week is unlike the past: the customary one, or what past weeks reached by chance.
    """

    name: str
    indices: Sequence[float]
    limit: float

    @property
    def is_drift(self) -> bool:
        """Whether two weeks in a row are unlike the past."""
        return is_lasting(self.indices, self.limit)


def inputs(matrix: Matrix, at: Times, now: int) -> list[Input]:
    """Compare the latest weeks of each feature with the weeks before them.

    Looks of a few machines resemble each other, so that a week is far from the rest by mere chance: the limit is never
    below what the weeks of the past themselves had.

    Args:
        matrix: Of looks at all machines.
        at: When each was.
        now: Where the latest week ends.
    """
    week = (now - 1 - at) // (7 * DAY)
    learned = week >= IN_A_ROW
    if len(np.unique(week[learned])) < _FEWEST_WEEKS:
        return []
    found = []
    for place, name in enumerate(matrix.names):
        # a holiday moves the hours of work, not the calendar
        if matrix.groups[name] == "calendar":
            continue
        values = matrix.values[:, place].astype(np.float64)
        past = [psi(values[learned & (week != each)], values[week == each]) for each in np.unique(week[learned])]
        reached = [each for each in past if not math.isnan(each)]
        latest = [psi(values[learned], values[week == each]) for each in reversed(range(IN_A_ROW))]
        found.append(Input(name, latest, max([PSI_LIMIT, *reached])))
    return found
