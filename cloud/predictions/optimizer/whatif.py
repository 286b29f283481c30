"""Owns what OEE would have been with less of one loss, by the machine's own rates, with an interval; pure.

Time that is won is not all production: stops come by hours run, so won time is filled with running and with the stops
that belong to it, as the machine's own hours were. With `s` of a time loss `L` gone, of a seen busy time `B`, all
else grows by B / (B - s L). Of speed, pieces grow by what the gap held; of start-up scrap, pieces become good. A
product's own rate is in the facts: every piece counts with the ideal cycle of its product on its machine.

How far the account may be wrong is part of the interval: a second one is made under the opposite assumption, and
their distance is the model's error, with a floor that re-simulation of a made-up plant showed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cloud.kpi.elements import PieceKind
from cloud.kpi.facts import Facts, total
from cloud.kpi.figures import figures, times, waterfall
from cloud.kpi.policy import Policy
from cloud.predictions.history import Floats
from cloud.predictions.optimizer.losses import LOSS_OF, LossKind
from cloud.predictions.student import widening

LEVEL = 0.9
# fewer days say little of how they differ
FEWEST_DAYS = 7
_DRAWS = 400
# of the gain: what `python -m bench whatif` is held to, on a plant whose workings are known
MODEL_FLOOR = 0.15

Columns = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Gain:
    """What less of a loss would bring.

    Attributes:
        bucket: Which loss.
        reduction: Which share of it would be gone.
        loss_us: All of it, microseconds of the window.
        oee: As it was.
        gain: In points of OEE, 0.01 is one.
        lower, upper: Between what the gain lies at `LEVEL`, sampling and model together.
        sampling, model: Half of the interval that each of them makes.
        good_pieces: More of them, in the window.
    """

    bucket: LossKind
    reduction: float
    loss_us: int
    oee: float
    gain: float
    lower: float
    upper: float
    sampling: float
    model: float
    good_pieces: float

    @property
    def is_sure(self) -> bool:
        """Whether it surely brings something."""
        return self.lower > 0


def what_if(days: Sequence[Facts], policy: Policy, bucket: LossKind, reduction: float, seed: int = 0) -> Gain | None:
    """Return what less of a loss would have brought; None where OEE is not known, or of too few days.

    Args:
        days: A machine's, one by one: how they differ makes the interval.
        policy: Which second is which.
        bucket: Which loss.
        reduction: Which share of it is gone, above 0 and at most 1.
        seed: Of the draws.
    """
    busy = [each for each in days if times(each, policy).pbt]
    whole = total(busy)
    oee = figures(whole, policy).oee_lower
    if oee is None or len(busy) < FEWEST_DAYS:
        return None
    columns = _columns(busy, policy)
    sums = {name: np.array([values.sum()]) for name, values in columns.items()}
    if float(sums[bucket][0]) <= 0 or float(sums["ideal"][0]) <= 0:
        return Gain(bucket, reduction, 0, oee, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    value = float(_growth(sums, bucket, reduction)[0]) * oee
    other = float(_opposite(sums, bucket, reduction)[0]) * oee
    drawn = np.random.default_rng(seed).integers(0, len(busy), (_DRAWS, len(busy)))
    again = {name: values[drawn].sum(axis=1) for name, values in columns.items()}
    known = (again["pbt"] > 0) & (again["ideal"] > 0)
    again = {name: values[known] for name, values in again.items()}
    gains = _growth(again, bucket, reduction) * again["good"] / again["pbt"]
    low, high = np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    model = max(abs(value - other), MODEL_FLOOR * value)
    wider = widening((1 + LEVEL) / 2, len(busy))
    below, above = np.hypot(wider * max(0.0, value - low), model), np.hypot(wider * max(0.0, high - value), model)
    return Gain(
        bucket,
        reduction,
        waterfall(whole, policy)[LOSS_OF[bucket].value],
        oee,
        value,
        max(0.0, value - float(below)),
        # where the ideal cycle is suspect an OEE exceeds 1, and bounds nothing
        max(value, min(1 - oee, value + float(above))),
        wider * float(high - low) / 2,
        model,
        _good_pieces(whole, policy) * value / oee if oee else 0.0,
    )


def _columns(days: Sequence[Facts], policy: Policy) -> Columns:
    rows = []
    for facts in days:
        time, fall = times(facts, policy), waterfall(facts, policy)
        rows.append(
            [
                time.pbt,
                time.pbt - time.unknown,
                time.apt,
                fall["good"],
                sum(facts.ideal_us.values()),
                *(fall[LOSS_OF[bucket].value] for bucket in LossKind),
            ]
        )
    columns = np.array(rows, np.float64).T
    return dict(zip(("pbt", "seen", "apt", "good", "ideal", *LossKind), columns, strict=True))


def _growth(of: Columns, bucket: LossKind, reduction: float) -> Floats:
    """Return by which share good production grows."""
    saved = reduction * of[bucket]
    match bucket:
        case LossKind.SPEED:
            return saved / of["ideal"]
        case LossKind.START_UP_SCRAP:
            # what is no start-up reject any more is scrap as often as any piece
            return _ratio(saved, of["ideal"] - of[bucket])
        case LossKind.SET_UP | LossKind.MICRO_STOPS | LossKind.REPAIR_TIME:
            return _ratio(saved, of["seen"] - saved)


def _opposite(of: Columns, bucket: LossKind, reduction: float) -> Floats:
    """Return the same under the opposite assumption about what stops come by."""
    saved = reduction * of[bucket]
    match bucket:
        case LossKind.SPEED:
            # stops come by pieces and not by hours: faster, and standing more often
            quicker = of["apt"] * (1 - of["ideal"] / (of["ideal"] + saved))
            return _ratio(quicker, of["seen"] - quicker)
        case LossKind.START_UP_SCRAP:
            # all of them are good
            return _ratio(saved, of["good"])
        case LossKind.SET_UP | LossKind.MICRO_STOPS | LossKind.REPAIR_TIME:
            # all that is won is production
            return _ratio(saved, of["apt"])


def _ratio(part: Floats, whole: Floats) -> Floats:
    found: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return found


def _good_pieces(facts: Facts, policy: Policy) -> int:
    assumed = facts.pieces.get(PieceKind.MADE, 0) if figures(facts, policy).quality_basis == "assumed_good" else 0
    return facts.pieces.get(PieceKind.GOOD, 0) + assumed
