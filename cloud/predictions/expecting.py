"""Owns what figure the next shift or day is expected to have, by the machine's own history; pure.

Several plain ways compete on the past, each told only of what was before; the one that erred least speaks. How far it
will be off is told by how far it was: no law of errors is assumed.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cloud.predictions.history import Floats
from cloud.predictions.student import quantile

# so many periods with a figure are needed: the first half warms up, the errors of the others make the interval
FEWEST_PERIODS = 14
LEVEL = 0.9
# what was, weighs half after that many periods
_HALF_LIFE = 7.0

Way = Callable[[Floats, int], float]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected.

    Attributes:
        value: The figure.
        lower, upper: Between what it will lie, at the level asked for.
        way: Which way speaks.
        baseline: What the mean of all periods says, which every way must beat.
        errors: By way, its root mean squared error on the past.
        periods: How many the past has.
    """

    value: float
    lower: float
    upper: float
    way: str
    baseline: float
    errors: Mapping[str, float]
    periods: int


def expect(
    figures: Sequence[float],
    kinds: Sequence[Hashable],
    *,
    most: float = 1.0,
    by: str | None = None,
    level: float = LEVEL,
) -> Expected | None:
    """Return what the next period's figure is expected to be; None where the past is too short.

    Args:
        figures: Of past periods, the oldest first.
        kinds: What each is, so that those alike can be told: its weekday, or its shift. Where nobody works at weekends
            the next one after a Friday is a Monday: it is of the kind that came after this one the last time.
        most: What the figure cannot exceed.
        by: Which way speaks; that which erred least if not said.
        level: How often the figure lies between the bounds; at 1 they are all that is possible.
    """
    past = np.array(figures, np.float64)
    if len(past) < FEWEST_PERIODS:
        return None
    ways = _ways(kinds)
    begin = len(past) // 2
    errors = {
        name: np.array([past[place] - way(past[:place], place) for place in range(begin, len(past))])
        for name, way in ways.items()
    }
    off = {name: float(np.sqrt(np.mean(each**2))) for name, each in errors.items()}
    best = by or min(off, key=lambda name: off[name])
    value = ways[best](past, len(past))
    lower, upper = _bounds(errors[best], level) if level < 1 else (-np.inf, np.inf)
    return Expected(
        float(np.clip(value, 0.0, most)),
        float(np.clip(value + lower, 0.0, most)),
        float(np.clip(value + upper, 0.0, most)),
        best,
        float(past.mean()),
        off,
        len(past),
    )


def _bounds(errors: Floats, level: float) -> tuple[float, float]:
    """Return between what errors lie (split conformal, Vovk and others, 2005).

    Of few even the outermost ones bound less than is asked for, seven of them three quarters: there they bound no less
    than Student's law of one more error does.
    """
    ordered, tail = np.sort(errors), (1 - level) / 2
    many = len(ordered)
    rank = int(np.floor(tail * (many + 1)))
    if rank:
        return float(ordered[rank - 1]), float(ordered[many - rank])
    middle = float(ordered.mean())
    half = quantile(1 - tail, many - 1) * float(ordered.std(ddof=1)) * float(np.sqrt(1 + 1 / many))
    return min(float(ordered[0]), middle - half), max(float(ordered[-1]), middle + half)


def _ways(kinds: Sequence[Hashable]) -> Mapping[str, Way]:
    number = {kind: place for place, kind in enumerate(dict.fromkeys(kinds))}
    of = np.array([number[kind] for kind in (*kinds, _next(kinds))], np.int64)

    def mean(past: Floats, _: int) -> float:
        return float(past.mean())

    def last(past: Floats, _: int) -> float:
        return float(past[-1])

    def lately(past: Floats, _: int) -> float:
        weights = 0.5 ** (np.arange(len(past))[::-1] / _HALF_LIFE)
        return float(np.average(past, weights=weights))

    def same_kind(past: Floats, place: int) -> float:
        alike = past[of[:place] == of[place]]
        # drawn to all by one period's weight: two Mondays say little
        return float((alike.sum() + past.mean()) / (len(alike) + 1))

    return {"mean": mean, "last": last, "lately": lately, "same_kind": same_kind}


def _next(kinds: Sequence[Hashable]) -> Hashable:
    """Return of what kind the next period is: of the one that came after such a one the last time."""
    before = (place for place in range(len(kinds) - 2, -1, -1) if kinds[place] == kinds[-1])
    place = next(before, None)
    return kinds[-1] if place is None else kinds[place + 1]
