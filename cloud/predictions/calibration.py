"""Owns the correction of probabilities that are said too boldly or too timidly; pure.

Platt's: a line through the log odds. It is kept only where it does better on the later half of the rows that it was
made on the earlier half of: a correction that does not help would only add noise.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from cloud.predictions.history import Floats, Times
from cloud.predictions.scoring import Flags

# a correction must take away so much of the log loss to be worth having
_WORTH = 0.002


@dataclass(frozen=True, slots=True)
class Calibration:
    """A line through log odds; `slope` 1 and `shift` 0 change nothing."""

    slope: float = 1.0
    shift: float = 0.0

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing."""
        return self.slope == 1.0 and self.shift == 0.0

    def apply(self, said: Floats) -> Floats:
        """Return the corrected probabilities."""
        if self.is_none:
            return said
        corrected: Floats = expit(self.slope * log_odds(said) + self.shift)
        return corrected


def calibrated(said: Floats, came: Flags, at: Times, horizon: int) -> Calibration:
    """Return a correction made on the earlier rows, if it helps on the later ones, a horizon apart; else none."""
    cut = np.median(at)
    early, late = at + horizon < cut, at >= cut
    if len(np.unique(came[early])) < 2 or len(np.unique(came[late])) < 2:
        return Calibration()
    line = _line(log_odds(said[early]), came[early])
    before, after = _loss(said[late], came[late]), _loss(line.apply(said[late]), came[late])
    return _line(log_odds(said), came) if after < before * (1 - _WORTH) else Calibration()


def log_odds(said: Floats) -> Floats:
    """Return log odds, bounded: nothing is certain."""
    clipped = np.clip(said, 1e-6, 1 - 1e-6)
    return np.log(clipped) - np.log1p(-clipped)


def _line(odds: Floats, came: Flags) -> Calibration:
    found = LogisticRegression(C=1e6, max_iter=200).fit(odds[:, None], came)
    return Calibration(float(found.coef_[0, 0]), float(found.intercept_[0]))


def _loss(said: Floats, came: Flags) -> float:
    clipped = np.clip(said, 1e-9, 1 - 1e-9)
    return float(-np.mean(np.where(came, np.log(clipped), np.log1p(-clipped))))
