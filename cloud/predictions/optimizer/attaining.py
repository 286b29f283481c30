"""Owns what a machine has reached already, its best quartile loss by loss, and which machine holds a line up; pure.

A best day is partly luck. So where the past is long, weeks are compared and not days: a week's luck is a seventh's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cloud.kpi.elements import Loss
from cloud.kpi.facts import Facts, total
from cloud.kpi.figures import figures, times, waterfall
from cloud.kpi.policy import Policy
from cloud.predictions.history import Floats
from cloud.predictions.optimizer.losses import LOSS_OF, LossKind
from cloud.predictions.optimizer.whatif import FEWEST_DAYS

_WEEK = 7
_ENOUGH_WEEKS = 8
_DRAWS = 400
# so often the same machine must hold the line up, of draws of days, to be named
SURE = 0.8


@dataclass(frozen=True, slots=True)
class Reference:
    """What it has reached in the best quarter of its own past.

    Attributes:
        basis: `week` or `day`: what was compared.
        periods: How many.
        oee: Mean OEE of the best quarter of them.
        reductions: By bucket, which share of the loss was not there in the best quarter.
    """

    basis: str
    periods: int
    oee: float
    reductions: Mapping[LossKind, float]


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """Which machine of a line waits least for the others.

    Attributes:
        place: Of the machine.
        share: In which share of draws of days it is that one.
        waiting: By machine, which share of its busy time it waited, of that which was seen.
    """

    place: int
    share: float
    waiting: Sequence[float]

    @property
    def is_known(self) -> bool:
        """Whether it is sure enough to be named."""
        return self.share >= SURE


def reference(days: Sequence[Facts], policy: Policy) -> Reference | None:
    """Return what a machine has reached; None of too few days, or where OEE is not known.

    Args:
        days: In their order.
        policy: Which second is which.
    """
    busy = [each for each in days if times(each, policy).pbt]
    if len(busy) < FEWEST_DAYS:
        return None
    is_long = len(busy) >= _ENOUGH_WEEKS * _WEEK
    step = _WEEK if is_long else 1
    periods = [total(busy[at : at + step]) for at in range(0, len(busy) - step + 1, step)]
    found = [oee for each in periods if (oee := figures(each, policy).oee_lower) is not None]
    if len(found) < FEWEST_DAYS:
        return None
    best = sorted(found)[-max(1, len(found) // 4) :]
    reductions = {bucket: _reduction(periods, policy, bucket) for bucket in LossKind}
    return Reference("week" if is_long else "day", len(found), sum(best) / len(best), reductions)


def _reduction(periods: Sequence[Facts], policy: Policy, bucket: LossKind) -> float:
    """Return which share of a loss the best quarter of periods was without, by hours run.

    By hours run and not by busy ones: a week of breakdowns has few micro-stops, and is no example.
    """
    lost = np.array([waterfall(each, policy)[LOSS_OF[bucket].value] for each in periods], np.float64)
    ran = np.array([times(each, policy).apt for each in periods], np.float64)
    lost, ran = lost[ran > 0], ran[ran > 0]
    usual = lost.sum() / ran.sum() if len(ran) else 0.0
    if usual <= 0:
        return 0.0
    return float(np.clip(1 - np.quantile(lost / ran, 0.25) / usual, 0.0, 1.0))


def bottleneck(machines: Sequence[Sequence[Facts]], policy: Policy, seed: int = 0) -> Bottleneck | None:
    """Return which machine of a line holds it up: the one that waits least for others; None of fewer than two.

    Source: Roser, Nakano and Tanaka, A practical bottleneck detection method, 2001, of which this is the mean form.

    Args:
        machines: The days of each, as many of each and in the same order.
        policy: Which second is which.
        seed: Of the draws.
    """
    days = min((len(each) for each in machines), default=0)
    if len(machines) < 2 or days < FEWEST_DAYS:
        return None
    waited = np.array([[waterfall(day, policy)[Loss.IDLING.value] for day in each[-days:]] for each in machines])
    busy = np.array([[_seen(day, policy) for day in each[-days:]] for each in machines])
    drawn = np.random.default_rng(seed).integers(0, days, (_DRAWS, days))
    least = _share(waited[:, drawn].sum(axis=2), busy[:, drawn].sum(axis=2)).argmin(axis=0)
    whole = _share(waited.sum(axis=1), busy.sum(axis=1))
    place = int(whole.argmin())
    return Bottleneck(place, float((least == place).mean()), [float(each) for each in whole])


def _seen(facts: Facts, policy: Policy) -> int:
    # of whose gateway was away nobody saw it wait
    time = times(facts, policy)
    return time.pbt - time.unknown


def _share(part: np.ndarray, whole: np.ndarray) -> Floats:
    # who was not planned to work holds nobody up
    found: Floats = np.divide(part, whole, out=np.ones(part.shape), where=whole > 0)
    return found
