"""Owns how facts are shown: seconds for microseconds, and every figure beside what it comes from. Pure."""

from collections.abc import Mapping
from typing import Any

from cloud.analytics.schemas import ElementsOut, OeeFiguresOut, PieceSumsOut, ReliabilityOut
from cloud.kpi.elements import PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.figures import figures, produced, times, waterfall
from cloud.kpi.policy import Policy
from cloud.kpi.reliability import reliability
from cloud.kpi.spans import HOUR, SECOND


def shown(facts: Facts, policy: Policy, revision: int) -> OeeFiguresOut:
    """Return facts as figures under a policy."""
    return OeeFiguresOut.model_construct(**members(facts, policy, revision))


def members(facts: Facts, policy: Policy, revision: int) -> Mapping[str, Any]:
    """Return the same as members, for answers that have more of them.

    They are ours and right by construction, so nothing checks them again: a plant's month is hundreds of these.
    """
    time = times(facts, policy)
    told = reliability(time.apt / HOUR, facts.failures, facts.repair_us / HOUR)
    found = asdict_of(figures(facts, policy))
    return {
        **found,
        "elements": ElementsOut.model_construct(
            calendar_s=time.calendar / SECOND,
            pot_s=time.pot / SECOND,
            pdot_s=time.pdot / SECOND,
            pbt_s=time.pbt / SECOND,
            apt_s=time.apt / SECOND,
            aust_s=time.aust / SECOND,
            adet_s=time.adet / SECOND,
            adot_s=time.adot / SECOND,
            unknown_s=time.unknown / SECOND,
            unassigned_s=time.unassigned / SECOND,
            overtime_s=time.overtime / SECOND,
        ),
        "pieces": PieceSumsOut.model_construct(
            total=produced(facts),
            good=facts.pieces.get(PieceKind.GOOD, 0),
            scrap=facts.pieces.get(PieceKind.SCRAP, 0),
            rework=facts.pieces.get(PieceKind.REWORK, 0),
            startup=facts.pieces.get(PieceKind.STARTUP, 0),
            not_judged=facts.pieces.get(PieceKind.MADE, 0),
            without_ideal_cycle=facts.without_ideal,
            overtime=facts.overtime_pieces,
        ),
        "losses_s": {name: spent / SECOND for name, spent in waterfall(facts, policy).items()},
        "reliability": ReliabilityOut.model_construct(
            failures=told.failures,
            mtbf_h=told.mtbf,
            mtbf_at_least_h=told.mtbf_at_least,
            mtbf_iso22400_h=told.mtbf_iso22400,
            mttr_h=told.mttr,
        ),
        "revision": revision,
    }


def asdict_of(found: Any) -> dict[str, Any]:
    """Return a flat dataclass's fields."""
    return {name: getattr(found, name) for name in found.__dataclass_fields__}
