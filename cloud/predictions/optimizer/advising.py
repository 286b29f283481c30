"""Owns what is answered about a machine's OEE: its losses, what less of each would bring, and for whom."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cloud import languages
from cloud.analytics.service import policies
from cloud.identity.schemas import Caller
from cloud.kpi.facts import Facts, total
from cloud.kpi.figures import figures, times
from cloud.kpi.policy import Policy
from cloud.kpi.spans import SECOND
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.predictions import due
from cloud.predictions.optimizer import messages, observing
from cloud.predictions.optimizer.associating import LEVEL as ASSOCIATION_LEVEL
from cloud.predictions.optimizer.associating import Association, associations
from cloud.predictions.optimizer.attaining import Reference, bottleneck, reference
from cloud.predictions.optimizer.losses import LossKind, LossTree, loss_tree
from cloud.predictions.optimizer.schemas import (
    AssociationOut,
    AttainableOut,
    BranchOut,
    GainOut,
    LineOut,
    LossTreeOut,
    OptimizerOut,
    WhatIfIn,
    WhatIfOut,
)
from cloud.predictions.optimizer.whatif import FEWEST_DAYS, LEVEL, Gain, what_if
from cloud.predictions.schemas import BoundsOut, MaintenanceAsked

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What a machine's days amount to: its reference, and each loss brought down to that."""

    reference: Reference | None
    gains: Sequence[Gain]


async def optimizer(
    session: AsyncSession,
    who: Caller,
    id_or_code: str,
    asked: tuple[datetime | None, datetime | None],
    policy_name: str | None,
    now: datetime,
) -> OptimizerOut:
    """Return what keeps a machine from its OEE, and what would bring how much.

    Raises:
        NotFound: There is no such machine, or policy.
        Invalid: The range is no range, or too long.
    """
    machine = await machines.resolve(session, who.organization_id, id_or_code)
    policy = await policies.named(session, who.organization_id, policy_name)
    span = observing.window(*asked, now)
    days = await observing.days(session, who.organization_id, machine.id, span)
    rows = await observing.observed(session, who.organization_id, machine.id, span)
    found = await asyncio.to_thread(found_in, days, policy)
    going_along = await asyncio.to_thread(associations, rows, policy)
    return OptimizerOut(
        machine_id=machine.id,
        machine=machine.code,
        start=span[0],
        end=span[1],
        policy=policy.name,
        days=_busy(days, policy),
        detail=lacking(machine.code, days, policy),
        losses=_tree(loss_tree(total(days), policy)),
        attainable=_attainable(found.reference),
        what_if=[gain_out(each) for each in found.gains],
        line=await _line(session, who.organization_id, machine, span, policy),
        maintenance=(await due.maintenance_of(session, who, [machine.code], MaintenanceAsked(), now))[0],
        associations=[_association(each) for each in going_along[:_SHOWN]],
        associations_say=messages.ASSOCIATION.said(languages.current()),
    )


async def what_if_of(session: AsyncSession, who: Caller, asked: WhatIfIn, now: datetime) -> WhatIfOut:
    """Return what less of some losses would have brought, each by itself.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is no range, or too long.
    """
    machine = await machines.resolve(session, who.organization_id, asked.machine_id)
    policy = await policies.named(session, who.organization_id, None)
    span = observing.window(asked.start, asked.end, now)
    days = await observing.days(session, who.organization_id, machine.id, span)
    gains = await asyncio.to_thread(_gains, days, policy, asked.reductions)
    return WhatIfOut(
        machine_id=machine.id,
        machine=machine.code,
        start=span[0],
        end=span[1],
        days=_busy(days, policy),
        detail=lacking(machine.code, days, policy),
        gains=[gain_out(each) for each in gains],
        line=await _line(session, who.organization_id, machine, span, policy),
    )


def found_in(days: Sequence[Facts], policy: Policy) -> Found:
    """Return what a machine's own best quarter says, and what it would bring to be there always."""
    known = reference(days, policy)
    reductions = {} if known is None else {bucket: share for bucket, share in known.reductions.items() if share > 0}
    gains = _gains(days, policy, reductions)
    return Found(known, sorted((each for each in gains if each.gain > 0), key=lambda each: -each.lower))


def lacking(machine: str, days: Sequence[Facts], policy: Policy) -> str | None:
    """Return what is lacking for an answer, in the caller's language."""
    language, busy = languages.current(), _busy(days, policy)
    if busy < FEWEST_DAYS:
        return messages.FEW_DAYS.said(language, {"machine": machine, "days": busy, "needed": FEWEST_DAYS})
    if figures(total(days), policy).oee_lower is None:
        return messages.NO_OEE.said(language, {"machine": machine})
    return None


def gain_out(gain: Gain) -> GainOut:
    """Return a gain as the API gives it."""
    return GainOut(
        bucket=gain.bucket,
        reduction=gain.reduction,
        loss_s=gain.loss_us / SECOND,
        oee=gain.oee,
        gain=gain.gain,
        interval=BoundsOut(lower=gain.lower, upper=gain.upper, level=LEVEL),
        sampling_error=gain.sampling,
        model_error=gain.model,
        good_pieces=gain.good_pieces,
        is_sure=gain.is_sure,
    )


def _gains(days: Sequence[Facts], policy: Policy, reductions: Mapping[LossKind, float]) -> list[Gain]:
    found = (what_if(days, policy, bucket, share) for bucket, share in reductions.items())
    return [each for each in found if each is not None]


def _busy(days: Sequence[Facts], policy: Policy) -> int:
    return sum(times(each, policy).pbt > 0 for each in days)


async def _line(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    span: tuple[datetime, datetime],
    policy: Policy,
) -> LineOut:
    language = languages.current()
    own, days = await observing.line(session, organization_id, machine, span)
    common = {"location": machine.location, "bottleneck": None, "sureness": None, "gain_is_the_lines": None}
    if len(own) < 2:
        return LineOut.model_validate(common | {"says": messages.ALONE.said(language)})
    found = await asyncio.to_thread(bottleneck, days, policy)
    if found is None or not found.is_known:
        sureness = None if found is None else found.share
        says = messages.BOTTLENECK_UNKNOWN.said(language)
        return LineOut.model_validate(common | {"sureness": sureness, "says": says})
    holds_up = own[found.place]
    is_this = holds_up.id == machine.id
    told = messages.IS_BOTTLENECK if is_this else messages.NOT_BOTTLENECK
    return LineOut(
        location=machine.location,
        bottleneck=holds_up.code,
        sureness=found.share,
        gain_is_the_lines=is_this,
        says=told.said(language, {"machine": holds_up.code}),
    )


def _tree(tree: LossTree) -> LossTreeOut:
    branches = [
        BranchOut(
            name=each.name,
            seconds=each.us / SECOND,
            leaves={name: spent / SECOND for name, spent in each.leaves.items()},
        )
        for each in tree.branches
    ]
    return LossTreeOut(pbt_s=tree.pbt_us / SECOND, good_s=tree.good_us / SECOND, branches=branches)


def _attainable(known: Reference | None) -> AttainableOut | None:
    if known is None:
        return None
    return AttainableOut(basis=known.basis, periods=known.periods, oee=known.oee, reductions=dict(known.reductions))


def _association(each: Association) -> AssociationOut:
    return AssociationOut(
        factor=each.factor,
        level=each.level,
        oee=each.oee,
        difference=each.difference,
        interval=BoundsOut(lower=each.lower, upper=each.upper, level=ASSOCIATION_LEVEL),
        hours=each.observed,
        is_sure=each.is_sure,
        entangled_with=list(each.entangled_with),
    )
