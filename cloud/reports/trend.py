"""Owns what a series of figures says: its level, its slope with the uncertainty of that, and where it changed.

Nothing here supposes a normal distribution, for figures of a plant have none: days of standstill, weeks of trial.

- Slope: Theil-Sen, the median of the slopes between any two points, with its interval from the variance of Kendall's S
  (Sen, JASA 63 (1968) 1379), and the p-value of the Mann-Kendall test. A tenth of wild points does not move it.
- Change: Pettitt's rank test (Applied Statistics 28 (1979) 126), on each side again where it found one, and each of
  those once more between its neighbours.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# fewer points have a slope and no uncertainty worth saying
LEAST = 4
# each side of a change; fewer are an outlier
SIDE = 5
CONFIDENCE = 0.95
# of one change; a series is split and split again, so that this is asked several times of each
CHANGE_P = 0.003
# pairs are compared each with each: 2,000 points are two million
MOST = 2_000

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """Where a series is.

    Attributes:
        spread: Half of the middle half (median absolute deviation x 1.4826): a standard deviation that outliers leave.
    """

    median: float
    mean: float
    spread: float
    points: int


@dataclass(frozen=True, slots=True)
class Slope:
    """Where a series goes, a unit of `x`.

    Attributes:
        low: Of the interval of `CONFIDENCE`.
        high: The same.
        p: How likely such an order is where there is no trend.
        is_clear: The interval leaves 0 out.
    """

    value: float
    low: float
    high: float
    p: float
    is_clear: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Where a series became another.

    Attributes:
        at: The index of the first point after it.
        before: The median from the change before on.
        after: The median until the next change.
        p: How likely such a split is where nothing changed.
    """

    at: int
    before: float
    after: float
    p: float


def level(values: Sequence[float]) -> Level | None:
    """Return where a series is; None for an empty one."""
    if not values:
        return None
    y = np.asarray(values, np.float64)
    middle = float(np.median(y))
    return Level(middle, float(y.mean()), 1.4826 * float(np.median(np.abs(y - middle))), len(y))


def slope(x: Sequence[float], y: Sequence[float]) -> Slope | None:
    """Return where a series goes; None for fewer than `LEAST` points.

    Args:
        x: When, in any unit, rising.
        y: What.
    """
    if len(x) < LEAST:
        return None
    at, value = np.asarray(x[-MOST:], np.float64), np.asarray(y[-MOST:], np.float64)
    first, second = np.triu_indices(len(at), 1)
    rise = value[second] - value[first]
    slopes = np.sort(rise / (at[second] - at[first]))
    s = float(np.sign(rise).sum())
    deviation = math.sqrt(_variance(value))
    if deviation == 0:
        return Slope(0.0, 0.0, 0.0, 1.0, is_clear=False)
    z = 0.0 if s == 0 else (abs(s) - 1) / deviation
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * deviation
    low = slopes[max(0, math.floor((len(slopes) - reach) / 2))]
    high = slopes[min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))]
    p = 2 * (1 - NormalDist().cdf(z))
    return Slope(float(np.median(slopes)), float(low), float(high), p, is_clear=bool(low > 0 or high < 0))


def changes(values: Sequence[float]) -> list[Change]:
    """Return where a series changed, in order."""
    y = np.asarray(values[-MOST:], np.float64)
    skipped = len(values) - len(y)
    found = _held(y, sorted(_splits(y, 0, len(y))))
    edges = [0, *(at for at, _ in found), len(y)]
    return [
        Change(
            skipped + at,
            float(np.median(y[edges[number] : at])),
            float(np.median(y[at : edges[number + 2]])),
            p,
        )
        for number, (at, p) in enumerate(found)
    ]


def _splits(y: Values, start: int, end: int) -> Iterator[tuple[int, float]]:
    found = _split(y, start, end)
    if found is not None:
        yield found
        yield from _splits(y, start, found[0])
        yield from _splits(y, found[0], end)


def _held(y: Values, found: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return what is still a change between its neighbours, and where it is there.

    Of two steps the first split is somewhere on the stair between them, and none once both are known.
    """
    for _ in range(len(found) + 1):
        edges = [0, *(at for at, _ in found), len(y)]
        again = [_split(y, edges[number], edges[number + 2]) for number in range(len(found))]
        kept = sorted({each[0]: each for each in again if each is not None}.values())
        if kept == found:
            break
        found = kept
    return found


def _split(y: Values, start: int, end: int) -> tuple[int, float] | None:
    count = end - start
    if count < 2 * SIDE:
        return None
    # U(t) = 2 (sum of the first t ranks) - t (n + 1)
    sums = 2 * np.cumsum(_ranks(y[start:end])) - np.arange(1, count + 1) * (count + 1)
    inner = np.abs(sums[SIDE - 1 : count - SIDE])
    p = min(1.0, 2 * math.exp(-6 * float(inner.max()) ** 2 / (count**3 + count**2)))
    return (start + SIDE + int(np.argmax(inner)), p) if p < CHANGE_P else None


def _ranks(values: Values) -> Values:
    # equal ones share the mean of their places
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Values = (last - (counts - 1) / 2).astype(np.float64)
    return means[inverse]


def _variance(values: Values) -> float:
    _, ties = np.unique(values, return_counts=True)
    n = len(values)
    equal = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return max(0.0, (n * (n - 1) * (2 * n + 5) - equal) / 18)
