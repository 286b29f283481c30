"""Owns the gap ledger: each hole in the readings once, in its newest revision, page by page and tag by tag.

A gateway tells a gap with the batch that its begin, its end or its closing falls into. Batches come in any order, so
of what is told of one gap the highest revision holds. A gap that was filled is closed and stays.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import and_, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import paging
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayCaller, GatewayOut
from cloud.machines import service as machines
from cloud.paging import Page
from cloud.telemetry.coverage import Hole, merged, missing
from cloud.telemetry.history import ReadingFilter, tags_of
from cloud.telemetry.models import Gap, Tag
from cloud.telemetry.schemas import CoverageOut, GapOut, GapState, HoleOut
from shared.reading import ClosedBy, GapCause, ReadingType
from shared.reading import Gap as TellGap
from shared.wire.batch import BatchId

RETENTION: Literal["retention"] = "retention"
"""The cause, beside those of gaps, of readings that were dropped because they had been kept long enough."""
# of one tag; who asks for a year gets the seconds of all of them, and the newest of these
MOST_HOLES = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTENT = ("device", "tag", "cause", "from_at", "to_at", "detail", "revision", "closed_at", "closed_by")
# the gaps of a tag, of its device and of its gateway; one that goes on has no end yet
_HOLES = text("""
    SELECT tag.id AS tag_id, gap.from_at, coalesce(gap.to_at, CAST(:end AS timestamptz)) AS to_at, gap.cause
    FROM tag JOIN gap ON gap.organization_id = tag.organization_id AND gap.gateway_id = tag.gateway_id
                         AND (gap.device IS NULL OR gap.device = tag.device) AND (gap.tag IS NULL OR gap.tag = tag.name)
    WHERE tag.id = ANY(CAST(:tags AS int[])) AND gap.closed_at IS NULL
          AND gap.from_at < :end AND (gap.to_at > :start OR gap.to_at IS NULL)
""")
# readings that were dropped can vouch for nothing any more
_DROPPED = text("""
    SELECT begin_at, end_at FROM dropped WHERE kind = 'readings' AND begin_at < :end AND end_at > :start
""")
_FIRSTS = text("""
    SELECT wanted.tag_id, first.first_at FROM unnest(CAST(:tags AS int[])) AS wanted (tag_id) CROSS JOIN LATERAL (
        SELECT first_at FROM rollup_day WHERE rollup_day.tag_id = wanted.tag_id ORDER BY bucket LIMIT 1
    ) AS first
""")


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Which gaps are asked for: those that overlap the time range and concern the gateway, device, tag and machine.

    A gap of a whole device concerns each of its tags, one of a whole gateway each of its devices.
    """

    start: datetime | None = None
    end: datetime | None = None
    gateway: str | None = None
    device: str | None = None
    tag: str | None = None
    cause: GapCause | None = None
    machine: str | None = None
    states: Sequence[GapState] = ()


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a gap hides, or hid as it was told before; without an end it goes on."""

    device: str | None
    tag: str | None
    from_at: datetime
    to_at: datetime | None


async def record(
    session: AsyncSession, gateway: GatewayCaller, batch: BatchId, gaps: Sequence[TellGap]
) -> list[Hidden]:
    """Write what a batch tells of gaps, unless a later revision is known.

    Returns:
        What is hidden otherwise than was known: all that these gaps hid before, and all that they hide now.
    """
    newest: dict[uuid.UUID, dict[str, object]] = {}
    for place, gap in enumerate(gaps):
        # one that is told once is called after its batch and its place there
        gap_id = gap.id or uuid.uuid5(batch.epoch, f"{batch.seq}/{place}")
        if gap_id not in newest or gap.revision >= int(str(newest[gap_id]["revision"])):
            newest[gap_id] = _row(gateway, gap_id, gap)
    before = await _known(session, gateway.gateway_id, newest)
    rows = {
        gap_id: row
        for gap_id, row in sorted(newest.items())
        if gap_id not in before or int(str(row["revision"])) > before[gap_id].revision
    }
    if not rows:
        return []
    told = insert(Gap)
    fresh = {name: told.excluded[name] for name in _CONTENT} | {"changed_at": func.now()}
    is_later = told.excluded.revision > col(Gap.revision)
    await session.execute(
        told.on_conflict_do_update(index_elements=["gateway_id", "gap_id"], set_=fresh, where=is_later),
        list(rows.values()),
    )
    changed: set[Hidden] = set()
    for gap_id, row in rows.items():
        hid, hides = _hidden(before.get(gap_id)), _hidden(Gap.model_validate(row))
        changed.update(each for each in (hid, hides) if each is not None and hid != hides)
    return list(changed)


async def _known(session: AsyncSession, gateway_id: uuid.UUID, gap_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Gap]:
    held = select(Gap).where(col(Gap.gateway_id) == gateway_id, col(Gap.gap_id) == func.any(list(gap_ids)))
    return {row.gap_id: row for row in await session.scalars(held, execution_options={"populate_existing": True})}


def _hidden(gap: Gap | None) -> Hidden | None:
    if gap is None or gap.closed_at is not None:
        return None
    return Hidden(gap.device, gap.tag, gap.from_at, gap.to_at)


async def page(
    session: AsyncSession, organization_id: uuid.UUID, asked: GapFilter, wanted: paging.Paging
) -> Page[GapOut]:
    """Return a page of an organization's gaps, newest first.

    Raises:
        NotFound: The organization has no such gateway or machine.
    """
    statement = select(Gap).where(col(Gap.organization_id) == organization_id)
    if asked.gateway is not None:
        statement = statement.where(
            col(Gap.gateway_id) == await gateways.id_of(session, organization_id, asked.gateway)
        )
    # a clock that was set back ends a gap before its begin
    if asked.start is not None:
        reaches = func.greatest(col(Gap.from_at), col(Gap.to_at)) > asked.start
        statement = statement.where(or_(col(Gap.to_at).is_(None), reaches))
    if asked.end is not None:
        statement = statement.where(func.least(col(Gap.from_at), col(Gap.to_at)) < asked.end)
    for column, value in ((Gap.device, asked.device), (Gap.tag, asked.tag)):
        if value is not None:
            statement = statement.where(or_(col(column).is_(None), col(column) == value))
    if asked.cause is not None:
        statement = statement.where(col(Gap.cause) == asked.cause)
    if asked.machine is not None:
        machine = await machines.resolve(session, organization_id, asked.machine)
        statement = statement.where(_concerns(machine.id))
    if asked.states:
        statement = statement.where(or_(*[_is_in(state) for state in asked.states]))
    found = await paging.read(session, statement, [col(Gap.from_at), col(Gap.id)], wanted, descending=True)
    names = await gateways.by_ids(session, {row[0].gateway_id for row in found.rows})
    return Page(
        items=[_shown(row[0], names[row[0].gateway_id].name) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
    )


async def coverage(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: ReadingFilter, now: datetime
) -> list[CoverageOut]:
    """Return for each of a machine's tags how much of a time range lies in no gap, by device and tag.

    A tag's range begins with its first reading: before it there was nothing to be missed.

    Raises:
        NotFound: The organization has no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    tags = sorted(await tags_of(session, machine.id, asked), key=lambda tag: (tag.device, tag.name, tag.id))
    told = await gateways.by_ids(session, {tag.gateway_id for tag in tags})
    asked_of = {"tags": [tag.id for tag in tags], "start": asked.start, "end": asked.end}
    firsts = {row.tag_id: row.first_at for row in await session.execute(_FIRSTS, asked_of)}
    holes: dict[int, list[Hole]] = {tag.id: [] for tag in tags if tag.id is not None}
    for row in await session.execute(_HOLES, asked_of):
        holes[row.tag_id].append(Hole(row.from_at, row.to_at, row.cause))
    gone = [Hole(row.begin_at, row.end_at, RETENTION) for row in await session.execute(_DROPPED, asked_of)]
    return [
        _covered(tag, told[tag.gateway_id], asked, firsts.get(tag.id), [*holes[tag.id or 0], *gone], now)
        for tag in tags
    ]


def _concerns(machine_id: uuid.UUID) -> Any:
    """Return the condition that a gap concerns a tag of the machine."""
    return exists().where(
        and_(
            col(Tag.machine_id) == machine_id,
            col(Tag.gateway_id) == col(Gap.gateway_id),
            or_(col(Gap.device).is_(None), col(Gap.device) == col(Tag.device)),
            or_(col(Gap.tag).is_(None), col(Gap.tag) == col(Tag.name)),
        )
    )


def _is_in(state: GapState) -> Any:
    match state:
        case GapState.CLOSED:
            return col(Gap.closed_at).is_not(None)
        case GapState.ONGOING:
            return and_(col(Gap.closed_at).is_(None), col(Gap.to_at).is_(None))
        case GapState.OPEN:
            return and_(col(Gap.closed_at).is_(None), col(Gap.to_at).is_not(None))


def _covered(
    tag: Tag, gateway: GatewayOut, asked: ReadingFilter, first: datetime | None, holes: Iterable[Hole], now: datetime
) -> CoverageOut:
    end = min(asked.end or now, now)
    # without a reading there is nothing to vouch for
    start = min(max(asked.start or _EPOCH, first or end), end)
    holes = list(holes)
    found, joined = missing(holes, start, end), merged(holes, start, end)
    seconds = (end - start).total_seconds()
    return CoverageOut(
        gateway=gateway.name,
        device=tag.device,
        tag=tag.name,
        reading_type=ReadingType(tag.reading_type),
        start=start,
        end=end,
        seconds=seconds,
        missing_s=found.seconds,
        coverage=1 - found.seconds / seconds if seconds else None,
        causes={_cause(cause): held for cause, held in found.by_cause.items()},
        holes=[
            HoleOut(start=each.start, end=each.end, causes=[_cause(cause) for cause in each.causes])
            for each in joined[-MOST_HOLES:]
        ],
        holes_in_all=len(joined),
        as_of=gateway.last_seen or gateway.created_at,
    )


def _cause(word: str) -> GapCause | Literal["retention"]:
    return RETENTION if word == RETENTION else GapCause(word)


def _shown(row: Gap, gateway: str) -> GapOut:
    state = GapState.ONGOING if row.to_at is None else GapState.OPEN
    return GapOut(
        id=row.gap_id,
        gateway=gateway,
        device=row.device,
        tag=row.tag,
        cause=row.cause,
        state=state if row.closed_at is None else GapState.CLOSED,
        start=row.from_at,
        end=row.to_at,
        detail=row.detail,
        closed_at=row.closed_at,
        closed_by=None if row.closed_by is None else ClosedBy(row.closed_by),
        recorded_at=row.recorded_at,
        changed_at=row.changed_at,
    )


def _row(gateway: GatewayCaller, gap_id: uuid.UUID, gap: TellGap) -> dict[str, object]:
    return {
        "organization_id": gateway.organization_id,
        "gateway_id": gateway.gateway_id,
        "gap_id": gap_id,
        "revision": gap.revision,
        "device": gap.device,
        "tag": gap.tag,
        "cause": gap.cause,
        "from_at": _utc(gap.from_us),
        "to_at": None if gap.is_open else _utc(gap.to_us),
        "detail": gap.detail,
        "closed_at": None if gap.closed_us is None else _utc(gap.closed_us),
        "closed_by": gap.closed_by,
    }


def _utc(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
