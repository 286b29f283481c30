"""Owns handing a job log's rows to the ledger: what a column says of a machine's time is told as people tell it.

From there on they are derived into states and figures as readings are (`production`, `analytics`). When a column's time
was, a row does not say: it is laid out from the row's start (`kpi.joblog`), and its reason's code begins with `cimco.`.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.joblogs.schemas import Entry
from cloud.kpi import worked
from cloud.kpi.joblog import COLUMNS, lay_out
from cloud.kpi.spans import Span
from cloud.machines import service as machines
from cloud.production.service import reasons, telling
from cloud.production.service.telling import Imported


async def tell(
    session: AsyncSession, organization_id: uuid.UUID, source: str, entries: Sequence[Entry], now: datetime
) -> None:
    """Tell what rows say of their machines' time; said before, it is said once.

    Args:
        session: The importer's, in which the machines are.
        organization_id: Whose.
        source: What the job log is called here.
        entries: Closed ones are told; of an open one nobody knows how long it lasted.
        now: UTC.
    """
    if not entries:
        return
    why = await reasons.ensure(session, organization_id, COLUMNS)
    places = await machines.by_codes(session, organization_id, {each.machine for each in entries})
    for code, machine_id in places.items():
        said = [part for each in entries if each.machine == code for part in _parts(source, each, why)]
        await telling.tell_import(session, machine_id, said, now)


def _parts(source: str, entry: Entry, why: Mapping[str, int]) -> Iterator[Imported]:
    if entry.job_duration_s is None or entry.end_time is None:
        return
    row = Span(worked.us(entry.start_time), worked.us(entry.start_time + timedelta(seconds=entry.job_duration_s)))
    for column, span in lay_out(row, entry.seconds).stretches:
        key = f"joblog/{source}/{entry.source_id}/{column.name}"
        reason = why.get(column.name)
        yield Imported(key, worked.at(span.start), worked.at(span.end), column.state, reason)
