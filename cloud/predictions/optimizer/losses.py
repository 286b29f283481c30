"""Owns the loss tree: where a machine's planned busy time went, bucket by bucket, summing to it exactly; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cloud.kpi.elements import Loss
from cloud.kpi.facts import Facts
from cloud.kpi.figures import times, waterfall
from cloud.kpi.policy import Policy


class LossKind(StrEnum):
    """A loss that somebody can do something about, by what one would do."""

    SET_UP = "set_up"
    MICRO_STOPS = "micro_stops"
    SPEED = "speed"
    REPAIR_TIME = "repair_time"
    START_UP_SCRAP = "start_up_scrap"


LOSS_OF: Mapping[LossKind, Loss] = {
    LossKind.SET_UP: Loss.SETUP_ADJUSTMENT,
    LossKind.MICRO_STOPS: Loss.MINOR_STOP,
    LossKind.SPEED: Loss.REDUCED_SPEED,
    LossKind.REPAIR_TIME: Loss.BREAKDOWN,
    LossKind.START_UP_SCRAP: Loss.STARTUP,
}
_BRANCHES: Mapping[str, Sequence[Loss]] = {
    "availability": (Loss.BREAKDOWN, Loss.SETUP_ADJUSTMENT, Loss.IDLING, Loss.MINOR_STOP),
    "performance": (Loss.REDUCED_SPEED,),
    "quality": (Loss.PROCESS_DEFECT, Loss.STARTUP),
    "not_known": (Loss.UNKNOWN, Loss.NOT_JUDGED),
}


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of the tree: its microseconds are its leaves' sum."""

    name: str
    us: int
    leaves: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LossTree:
    """The planned busy time, taken apart: what was good, and the branches of what was lost."""

    pbt_us: int
    good_us: int
    branches: Sequence[Branch]


def loss_tree(facts: Facts, policy: Policy) -> LossTree:
    """Return where the planned busy time went.

    Raises:
        AssertionError: The tree does not sum to it: a mistake of ours, and no figure is better than a wrong one.
    """
    fall, pbt = waterfall(facts, policy), times(facts, policy).pbt
    branches = []
    for name, losses in _BRANCHES.items():
        leaves = {loss.value: fall[loss.value] for loss in losses}
        branches.append(Branch(name, sum(leaves.values()), leaves))
    told = fall["good"] + sum(each.us for each in branches)
    if told != pbt or len(fall) != 1 + sum(len(each.leaves) for each in branches):
        raise AssertionError(f"a loss tree of {told} us over a planned busy time of {pbt}")
    return LossTree(pbt, fall["good"], branches)
