"""Owns what is answered about a machine's maintenance: what comes due, and what its stops tell of wear."""

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import languages
from cloud.errors import Invalid
from cloud.identity.schemas import Caller
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.maintenance import service as maintenance
from cloud.maintenance.schemas import NextOut
from cloud.predictions import hearing, messages, past, unseen
from cloud.predictions.asking import require_past
from cloud.predictions.past import Past
from cloud.predictions.schemas import (
    BaselineOut,
    BoundsOut,
    HazardOut,
    MaintenanceAsked,
    MaintenancePredictionOut,
    ReplacementOut,
    Status,
)
from cloud.predictions.unseen import Unseen
from cloud.predictions.wearing import Hazard, hazard, replacement
from cloud.predictions.weibull import Weibull
from cloud.production.service.moments import us

# of the shape's bounds, see `weibull`
_LEVEL = 0.95
# what may be stated of a machine
_AGE = "hours_since_stop"


async def maintenance_of(
    session: AsyncSession, who: Caller, named: Sequence[str], asked: MaintenanceAsked, now: datetime
) -> list[MaintenancePredictionOut]:
    """Return of machines, in their order, when maintenance falls due, and whether replacing early is sure to pay.

    Raises:
        NotFound: The organization has no such machine.
        Invalid: The instant is later than now, or a feature is unknown.
    """
    require_past(asked.as_of, now)
    if unknown := [name for name in asked.features if name != _AGE]:
        raise Invalid(messages.FEATURE_UNKNOWN, name=unknown[0], known=_AGE)
    wanted = await machines.resolve_all(session, who.organization_id, named)
    at = asked.as_of or now
    known = await past.read(session, who.organization_id, at)
    blind = await unseen.read(session, known, at)
    places = [known.place(machine.id) for machine in wanted]
    found = await asyncio.to_thread(lambda: [_hazard(known, blind, place, us(at)) for place in places])
    due = [(await maintenance.of_machine(session, who, machine.code, now)).next for machine in wanted]
    return [_told(*each, known, asked, at) for each in zip(wanted, found, due, strict=True)]


def _told(
    machine: MachineOut, found: Hazard, due: NextOut | None, known: Past, asked: MaintenanceAsked, at: datetime
) -> MaintenancePredictionOut:
    law, language = found.law, languages.current()
    # nobody knows whether one of which nobody tells ran since its last stop; who asks may state it
    is_silent = _AGE not in asked.features and hearing.is_silent(known.heard, machine.id, us(at))
    age = None if is_silent else max(0.0, asked.features[_AGE]) if _AGE in asked.features else found.age
    told = messages.SILENT if is_silent and law is not None else _words(found)
    chance = _within(law, age, asked.prediction_horizon)
    sure = None if chance is None else max(chance, 1 - chance)
    abstains = sure is None or sure < asked.confidence_threshold
    early = replacement(law, asked.cost_ratio) if law is not None else None
    return MaintenancePredictionOut(
        machine_id=machine.id,
        machine=machine.code,
        as_of=at,
        horizon_h=asked.prediction_horizon,
        status=Status.INSUFFICIENT_DATA if law is None else Status.ABSTAINED if abstains else Status.ANSWERED,
        detail=told.said(language, {"runs": found.lives, "hours": hearing.HOURS}),
        next_due=due,
        identifiable=found.wears_out or found.fails_young,
        hazard=_shown(law, found) if law is not None else None,
        hours_since_stop=age,
        failure_probability=chance,
        will_stop=None if abstains or chance is None else chance >= 0.5,
        confidence=sure,
        confidence_threshold=asked.confidence_threshold,
        abstained=abstains,
        baseline=_baseline(law, asked.prediction_horizon) if law is not None else None,
        preventive_replacement=ReplacementOut(every_h=early.every, saving=early.saving) if early is not None else None,
    )


def _hazard(known: Past, blind: Unseen, machine: int, at: int) -> Hazard:
    return hazard(known.history.stops, machine, 0, at, blind.seen_until)


def _words(found: Hazard) -> languages.Message:
    if found.law is None:
        return messages.FEW_RUNS
    if found.wears_out:
        return messages.WEARS
    return messages.YOUNG_FAIL if found.fails_young else messages.NOT_IDENTIFIABLE


def _shown(law: Weibull, found: Hazard) -> HazardOut:
    return HazardOut(
        shape=law.shape,
        shape_interval=BoundsOut(lower=law.shape_lower, upper=law.shape_upper, level=_LEVEL),
        scale_h=law.scale,
        learned_from="machine" if found.is_own else "plant",
        runs=found.lives,
    )


def _baseline(law: Weibull, hours: int) -> BaselineOut:
    """Return the chance, were it the same at every age: of the exponential law with that mean."""
    mean = law.scale * math.gamma(1 + 1 / law.shape)
    return BaselineOut(name="constant_rate", value=-math.expm1(-hours / mean))


def _within(law: Weibull | None, age: float | None, hours: int) -> float | None:
    return None if law is None or age is None else float(law.within(np.array([age]), hours)[0])
