"""Owns what a training of the optimizer is: every machine's reference and gains, judged on days that it has not seen.

The job that `POST /ml/train/oee-optimizer` starts calls `fit`, and keeps what it returns.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.service import hourly, policies
from cloud.kpi.facts import Facts, total
from cloud.kpi.figures import figures
from cloud.kpi.policy import Policy
from cloud.machines import service as machines
from cloud.predictions.optimizer.advising import Found, found_in, gain_out
from cloud.predictions.optimizer.attaining import reference


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learned, for a model's row: plain values that JSON can hold.

    Attributes:
        result: By machine code: `attainable` (or None) and `what_if`, the most sure gain first.
        metrics: `machines`, `machines_judged` (those with days enough), `days`, `mean_oee`, and `reference_error`: by
            how much the best quarter of the second half of the days differs from what the first half said is
            attainable, on average over machines; None where no machine has days enough for both.
    """

    result: Mapping[str, Any]
    metrics: Mapping[str, float | None]


async def fit(session: AsyncSession, organization_id: uuid.UUID, start: datetime, end: datetime) -> Fitted:
    """Learn what every machine of an organization has reached, and what to be there always would bring.

    Args:
        session: Only read.
        organization_id: Whose.
        start: Of the days that it is learned from, UTC. Days without figures count for nothing, and an organization
            without any gets an empty result: that is no error.
        end: Of them; half-open.
    """
    policy = await policies.named(session, organization_id, None)
    known = await machines.by_ids(session, organization_id, await machines.ids(session, organization_id))
    found = await hourly.days(session, organization_id, list(known), start, end)
    days = {known[machine_id].code: [facts for _, facts in told] for machine_id, told in found.items()}
    return await asyncio.to_thread(fitted, days, policy)


def fitted(days: Mapping[str, Sequence[Facts]], policy: Policy) -> Fitted:
    """Return the same of machines' days, by code; pure."""
    of = {code: found_in(each, policy) for code, each in sorted(days.items())}
    errors = [error for each in days.values() if (error := _reference_error(each, policy)) is not None]
    judged = [found.reference for found in of.values() if found.reference is not None]
    whole = figures(total(facts for each in days.values() for facts in each), policy)
    metrics = {
        "machines": float(len(days)),
        "machines_judged": float(len(judged)),
        "days": float(max((len(each) for each in days.values()), default=0)),
        "mean_oee": whole.oee_lower,
        "reference_error": sum(errors) / len(errors) if errors else None,
    }
    return Fitted({code: _plain(found) for code, found in of.items()}, metrics)


def _plain(found: Found) -> dict[str, Any]:
    known = found.reference
    attainable = None
    if known is not None:
        reductions = {bucket.value: share for bucket, share in known.reductions.items()}
        attainable = {"basis": known.basis, "periods": known.periods, "oee": known.oee, "reductions": reductions}
    # as the optimizer's own path gives them
    return {"attainable": attainable, "what_if": [gain_out(gain).model_dump(mode="json") for gain in found.gains]}


def _reference_error(days: Sequence[Facts], policy: Policy) -> float | None:
    half = len(days) // 2
    first, second = reference(days[:half], policy), reference(days[half:], policy)
    return None if first is None or second is None else abs(first.oee - second.oee)
