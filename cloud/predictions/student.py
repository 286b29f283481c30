"""Owns Student's quantiles: how much wider an interval must be where what it stands on is few; pure.

Written out, for the service also runs where scipy is not installed.
"""

import math
from functools import cache
from statistics import NormalDist

# beyond so many the law of Gauss and its first correction are the same to four digits
_MANY = 200
_HALVINGS = 100


@cache
def quantile(share: float, degrees: int) -> float:
    """Return below what so large a share of Student's law lies.

    Source: Abramowitz and Stegun, 26.7.3 and 26.7.4, solved by halving; beyond 200 degrees 26.7.5.

    Args:
        share: Above one half, below 1.
        degrees: Of freedom, at least 1.
    """
    if degrees > _MANY:
        gauss = NormalDist().inv_cdf(share)
        return gauss + (gauss**3 + gauss) / (4 * degrees)
    low, high = 0.0, 1e6
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < 2 * share - 1 else (low, middle)
    return low


def widening(share: float, many: int) -> float:
    """Return by how much farther out the bounds of a bootstrap over so many must lie, for few differ too little.

    Source: Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015).

    Args:
        share: Below the upper bound.
        many: Of what is drawn, at least two.
    """
    return math.sqrt(many / (many - 1)) * quantile(share, many - 1) / NormalDist().inv_cdf(share)


def _within(bound: float, degrees: int) -> float:
    """Return how much of the law lies between a bound and its opposite."""
    angle = math.atan(bound / math.sqrt(degrees))
    square = math.cos(angle) ** 2
    term = math.cos(angle) if degrees % 2 else 1.0
    whole = 0.0
    for power in range(degrees % 2, degrees - 1, 2):
        whole += term
        term *= square * (power + 1) / (power + 2)
    found = math.sin(angle) * whole
    return 2 / math.pi * (angle + found) if degrees % 2 else found
