"""Owns which operators, products and shifts go along with a higher or lower OEE: associations, and no causes; pure.

Who gets the hard jobs, and at night, looks worse by them. That is told with every figure, and where levels of one
factor hardly ever meet levels of another, it is told that nothing can part the two. Of twenty operators who work alike
one would look surely worse at 95 % each; so the level is that of all intervals together (Bonferroni).
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cloud.kpi.facts import Facts
from cloud.kpi.figures import QualityBasis, figures, times, waterfall
from cloud.kpi.policy import Policy
from cloud.predictions.student import quantile

LEVEL = 0.95
# hours of a level, and days on which they lay, below which nothing is said
FEWEST_HOURS, FEWEST_DAYS = 24, 5
_DRAWS = 400
# Cramer's V of two factors from which on they are not told apart
ENTANGLED = 0.5


@dataclass(frozen=True, slots=True)
class Observed:
    """A stretch of which the factors are known: an hour, a shift.

    Attributes:
        day: Which day it was of: days are drawn anew, for hours of one resemble each other.
        levels: By factor, who or what it was.
        facts: What came of it.
    """

    day: Hashable
    levels: Mapping[str, str]
    facts: Facts


@dataclass(frozen=True, slots=True)
class Association:
    """A level of a factor beside all other levels.

    Attributes:
        difference: Of its OEE from that of the others.
        lower, upper: Between what it lies, days drawn anew; at `LEVEL` none of all that are told lies elsewhere.
        observed: Of how many stretches.
        days: On how many days they lay.
        entangled_with: Factors that go along with this one so closely that the two cannot be told apart.
    """

    factor: str
    level: str
    oee: float
    difference: float
    lower: float
    upper: float
    observed: int
    days: int
    entangled_with: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        """Whether the difference is surely not nothing; that makes it no cause."""
        return self.lower > 0 or self.upper < 0


def associations(observed: Sequence[Observed], policy: Policy, seed: int = 0) -> list[Association]:
    """Return every level of which enough is known, the greatest difference first."""
    counted = [each for each in observed if seen(each, policy)[1]]
    factors = sorted({factor for each in counted for factor in each.levels})
    found = []
    for factor in factors:
        rows = [each for each in counted if factor in each.levels]
        tied = tuple(other for other in factors if other != factor and _association(rows, factor, other) >= ENTANGLED)
        levels = sorted({each.levels[factor] for each in rows})
        if len(levels) > 1:
            found += list(_levels(rows, factor, levels, policy, tied, seed))
    return sorted(_together(found), key=lambda each: -abs(each.difference))


def seen(each: Observed, policy: Policy) -> tuple[int, int]:
    """Return a stretch's good and its seen busy time, microseconds; none where its OEE is not known.

    Time of which nobody knows is left out: a gateway that was away is no operator's fault, and no change's.
    """
    told, time = figures(each.facts, policy), times(each.facts, policy)
    # an hour without a piece has an OEE of nothing, and not none
    if told.oee_lower is None and told.quality_basis != QualityBasis.NO_PIECES:
        return 0, 0
    return waterfall(each.facts, policy)["good"], time.pbt - time.unknown


def _together(found: Sequence[Association]) -> list[Association]:
    """Return them with bounds that hold for all at once, made of those that are one standard error away."""
    levels = Counter(each.factor for each in found)
    # of two levels either is beside the other: that is one question
    asked = sum(1 if of == 2 else of for of in levels.values())
    wider = []
    for each in found:
        error = each.upper - each.difference
        half = quantile(1 - (1 - LEVEL) / 2 / asked, each.days - 1) * error
        wider.append(replace(each, lower=each.difference - half, upper=each.difference + half))
    return wider


def _levels(
    rows: Sequence[Observed],
    factor: str,
    levels: Sequence[str],
    policy: Policy,
    tied: tuple[str, ...],
    seed: int,
) -> Iterable[Association]:
    days = {day: place for place, day in enumerate(dict.fromkeys(each.day for each in rows))}
    sums = np.zeros((len(levels), len(days), 2))
    counts = np.zeros((len(levels), len(days)))
    for each in rows:
        cell = levels.index(each.levels[factor]), days[each.day]
        sums[cell] += seen(each, policy)
        counts[cell] += 1
    drawn = np.random.default_rng(seed).integers(0, len(days), (_DRAWS, len(days)))
    whole, again = sums.sum(axis=1), sums[:, drawn].sum(axis=2)
    for place, level in enumerate(levels):
        lay = int(np.count_nonzero(counts[place]))
        if counts[place].sum() < FEWEST_HOURS or lay < FEWEST_DAYS:
            continue
        value = _apart(whole[None, place], whole.sum(axis=0)[None])
        drawn_values = _apart(again[place], again.sum(axis=0))
        drawn_values = drawn_values[np.isfinite(drawn_values)]
        if not np.isfinite(value[0]) or not len(drawn_values):
            continue
        apart = float(value[0])
        error = float(drawn_values.std()) * float(np.sqrt(lay / (lay - 1)))
        oee = float(whole[place, 0] / whole[place, 1])
        observed = int(counts[place].sum())
        yield Association(factor, level, oee, apart, apart - error, apart + error, observed, lay, tied)


def _apart(own: np.ndarray, all_of_it: np.ndarray) -> np.ndarray:
    """Return own OEE less the others'; shape (n, 2) of good and busy time each."""
    others = all_of_it - own
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = own[:, 0] / own[:, 1] - others[:, 0] / others[:, 1]
    return found


def _association(rows: Sequence[Observed], one: str, other: str) -> float:
    """Return Cramer's V of two factors over the rows that have both; 0 of too few."""
    both = [(each.levels[one], each.levels[other]) for each in rows if other in each.levels]
    firsts, seconds = sorted({first for first, _ in both}), sorted({second for _, second in both})
    if len(firsts) < 2 or len(seconds) < 2:
        return 0.0
    table = np.zeros((len(firsts), len(seconds)))
    for first, second in both:
        table[firsts.index(first), seconds.index(second)] += 1
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    chi = float(((table - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi / table.sum() / (min(table.shape) - 1)))
