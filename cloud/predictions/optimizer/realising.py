"""Owns what an accepted suggestion has brought: the time after it beside the time before, like with like; pure.

Another product is another OEE. So each product's hours after are held against the same product's before, weighed by
the hours after; what was made on one side only is left out, and said, and so is time of which nobody knows. That is
still no trial with a control: what else was changed on the same day is in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloud.kpi.policy import Policy
from cloud.predictions.history import Floats
from cloud.predictions.optimizer.associating import Observed, seen
from cloud.predictions.student import widening

LEVEL = 0.9
# of days on either side
FEWEST_DAYS = 7
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Realised:
    """What came of it.

    Attributes:
        gain: In points of OEE, 0.01 is one.
        lower, upper: Between what it lies at `LEVEL`, days drawn anew on either side.
        days_before, days_after: How many were compared.
        compared: Which share of the busy time after that was seen had its like before.
    """

    gain: float
    lower: float
    upper: float
    days_before: int
    days_after: int
    compared: float


def realised(before: Sequence[Observed], after: Sequence[Observed], policy: Policy, seed: int = 0) -> Realised | None:
    """Return what came of a change; None while there are too few days, or nothing alike."""
    products = sorted({_product(each) for each in (*before, *after)})
    old, new = _sums(before, products, policy), _sums(after, products, policy)
    if min(old.shape[1], new.shape[1]) < FEWEST_DAYS:
        return None
    value = _gain(old.sum(axis=1)[:, None], new.sum(axis=1)[:, None])
    if not np.isfinite(value[0]):
        return None
    rng = np.random.default_rng(seed)
    drawn = [side[:, rng.integers(0, side.shape[1], (_DRAWS, side.shape[1]))].sum(axis=2) for side in (old, new)]
    again = _gain(*drawn)
    bounds = np.quantile(again[np.isfinite(again)], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    lower, upper = value[0] + widening((1 + LEVEL) / 2, min(old.shape[1], new.shape[1])) * (bounds - value[0])
    alike = old.sum(axis=1)[:, 1] > 0
    busy = new.sum(axis=1)[:, 1]
    return Realised(
        float(value[0]),
        float(lower),
        float(upper),
        old.shape[1],
        new.shape[1],
        float(busy[alike].sum() / busy.sum()),
    )


def _product(each: Observed) -> str:
    return each.levels.get("product", "")


def _sums(rows: Sequence[Observed], products: Sequence[str], policy: Policy) -> Floats:
    """Return good and busy time, shape (products, days, 2)."""
    busy = [each for each in rows if seen(each, policy)[1]]
    days = {day: place for place, day in enumerate(dict.fromkeys(each.day for each in busy))}
    sums = np.zeros((len(products), len(days), 2))
    for each in busy:
        sums[products.index(_product(each)), days[each.day]] += seen(each, policy)
    return sums


def _gain(old: Floats, new: Floats) -> Floats:
    """Return the difference of OEE, products weighed by their busy time after; shape (products, n, 2) each."""
    both = (old[..., 1] > 0) & (new[..., 1] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.where(both, new[..., 0] / new[..., 1] - old[..., 0] / old[..., 1], 0.0)
        weight = np.where(both, new[..., 1], 0.0)
        found: Floats = (apart * weight).sum(axis=0) / weight.sum(axis=0)
    return found
