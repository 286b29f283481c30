"""Owns what is answered about the OEE of a machine's next shift or day.

Days from before its own states are those that an import counted, where there is one.
"""

import uuid
from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cloud import languages
from cloud.analytics.schemas import Grain, OeeBucketOut
from cloud.analytics.service import figuring
from cloud.errors import Invalid
from cloud.predictions import messages
from cloud.predictions.asking import require_past
from cloud.predictions.expecting import FEWEST_PERIODS, Expected, expect
from cloud.predictions.imported import daily
from cloud.predictions.imported.daily import CountedDay
from cloud.predictions.schemas import (
    BaselineOut,
    BoundsOut,
    OeeAsked,
    OeePredictionOut,
    Period,
    ServedOut,
    Server,
    Status,
)

# what is longer ago was another plant
_LOOK_BACK = {Period.DAY: timedelta(days=90), Period.SHIFT: timedelta(days=45)}
_GRAIN = {Period.DAY: Grain.DAY, Period.SHIFT: Grain.SHIFT}
# a period that began later may still go on
_OVER_AFTER = {Period.DAY: timedelta(days=1), Period.SHIFT: timedelta(hours=12)}
_PARTS = ("availability", "performance", "quality")


async def oee(
    session: AsyncSession, organization_id: uuid.UUID, machine_id: str, asked: OeeAsked, now: datetime
) -> OeePredictionOut:
    """Return the OEE that the next period is expected to have, by the figures of the past as they are known now.

    Raises:
        NotFound: The organization has no such machine.
        Invalid: The instant is later than now, or a feature is stated.
    """
    require_past(asked.as_of, now)
    if asked.features:
        raise Invalid(messages.OEE_FEATURES, name=next(iter(asked.features)))
    at, period, level = asked.as_of or now, asked.told, asked.confidence_threshold
    window = figuring.Asked(_GRAIN[period], at - _LOOK_BACK[period], at)
    shown = await figuring.of_machine(session, organization_id, machine_id, window, now)
    # one that has begun before is seen in part, and so is one that goes on
    whole = [each for each in shown.buckets if shown.start < each.start <= at - _OVER_AFTER[period]]
    over: list[OeeBucketOut | CountedDay] = [each for each in whole if each.oee is not None]
    if period is Period.DAY:
        until = min((each.start for each in over), default=at)
        over = [*await daily.days(session, organization_id, shown.machine_id, (shown.start, until), now), *over]
    kinds = [_kind(each) for each in over]
    found = expect([each.oee for each in over if each.oee is not None], kinds, level=level)
    parts = {name: _part(over, name, kinds, found.way) if found is not None else None for name in _PARTS}
    language = languages.current()
    facts = {"periods": len(over), "needed": FEWEST_PERIODS, "days": _LOOK_BACK[period].days}
    return OeePredictionOut(
        machine_id=shown.machine_id,
        machine=shown.machine,
        as_of=at,
        period=period,
        status=Status.ANSWERED if found is not None else Status.INSUFFICIENT_DATA,
        detail=messages.FEW_PERIODS.said(language, facts) if found is None else None,
        oee=found.value if found is not None else None,
        interval=BoundsOut(lower=found.lower, upper=found.upper, level=level) if found is not None else None,
        baseline=BaselineOut(name="mean", value=found.baseline) if found is not None else None,
        served_by=_served(found) if found is not None else None,
        errors=dict(found.errors) if found is not None else {},
        periods_known=len(over),
        **parts,
    )


def _part(over: Sequence[OeeBucketOut | CountedDay], name: str, kinds: Sequence[Hashable], way: str) -> float | None:
    figures = [(getattr(each, name), kind) for each, kind in zip(over, kinds, strict=True)]
    known = [(figure, kind) for figure, kind in figures if figure is not None]
    # by the way that speaks of the OEE: else the parts would not go together with it
    found = expect([figure for figure, _ in known], [kind for _, kind in known], by=way)
    return found.value if found is not None else None


def _served(found: Expected) -> ServedOut:
    why = messages.BEST_OF_WAYS.said(languages.current())
    return ServedOut(kind=Server.BASELINE, name=found.way, model_id=None, why=why)


def _kind(each: OeeBucketOut | CountedDay) -> Hashable:
    """Return which shift it is, or which weekday by the site's clock."""
    if isinstance(each, CountedDay):
        return each.start.weekday()
    return each.shift or (each.business_date or each.start).weekday()
