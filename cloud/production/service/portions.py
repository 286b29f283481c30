"""Owns into which stretches a long time is cut, so that deriving it needs no more memory than a short one.

A gateway that was cut off for weeks, or a state model that is set after a year, has millions of readings derived at
once. Whatever is derived comes to the same in one stretch or in many.
"""

import uuid
from itertools import pairwise

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.kpi.spans import HOUR, Span
from cloud.production.service import moments
from cloud.production.service.counting import KINDS
from cloud.production.service.deriving import sources_of
from cloud.telemetry import signals
from shared.reading import ReadingType

# readings: a hundred megabytes as objects
AT_MOST = 200_000
# what is live is never longer, and is not looked at
_SHORT = 6 * HOUR


async def portions(session: AsyncSession, machine_id: uuid.UUID, wanted: Span, at_most: int = AT_MOST) -> list[Span]:
    """Return a range in parts, in order, in each of which a machine's tags that are derived from said so much.

    Args:
        session: Its transaction.
        machine_id: Whose.
        wanted: The range.
        at_most: Readings in a part; it has those of one more hour if an hour has many.
    """
    if wanted.length <= _SHORT:
        return [wanted]
    read = {tag.id for tag in (await sources_of(session, machine_id)).tags}
    counters = {*KINDS, ReadingType.ALARM_CODE.value}
    read |= {tag.id for tag in await signals.sources(session, machine_id) if tag.reading_type in counters}
    start, end = moments.utc(wanted.start), moments.utc(wanted.end)
    cuts = [moments.us(each) for each in await signals.cuts(session, read, start, end, at_most)]
    return [Span(one, two) for one, two in pairwise([wanted.start, *cuts, wanted.end])]
