"""Owns how what a machine did follows what is known: its states derived anew in a range, and what changed of them.

Derived from the readings around the range, the holes in them, and what people said; never from what was derived before.
So it may be done again, late, and in any order, and comes to the same. A row that turns out wrong is kept, marked as
replaced, and the one that replaces it knows it; a row that merely ends is no correction.
"""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.kpi import presets
from cloud.kpi.spans import HOUR, Span, union
from cloud.production import rules
from cloud.production.models import MachineStateRow, StateModel
from cloud.production.rules import FOREVER, Said, Segment, Told
from cloud.production.schemas import Condition, Rule, StateSource
from cloud.production.service import moments
from cloud.telemetry import signals
from shared.reading import MachineState, ReadingType

# A word without an end lasts until the next such word, or until a file tells; one with an end is laid over it.
_TOLD = text("""
    SELECT told.*, coalesce(told.to_at, (
        SELECT min(later.from_at) FROM state_told AS later
        WHERE later.machine_id = told.machine_id AND later.withdrawn_at IS NULL AND later.state IS NOT NULL
              AND later.from_at > told.from_at AND (later.to_at IS NULL OR later.source = 'import')
    )) AS until_at
    FROM state_told AS told
    WHERE machine_id = :machine_id AND withdrawn_at IS NULL AND from_at < :end
          AND (to_at IS NULL OR to_at > :start)
""")

_READ = frozenset({StateSource.TAG.value, StateSource.RULE.value})


@dataclass(frozen=True, slots=True)
class Sources:
    """What a machine's states are read from.

    Attributes:
        tags: Those that are read.
        read: How.
        meaning: What a tag's word stands for; None where rules tell the state.
    """

    tags: Sequence[signals.Source]
    read: rules.Reader | None
    meaning: Callable[[rules.Value | None], MachineState | None] | None = None


async def derive_states(session: AsyncSession, machine_id: uuid.UUID, wanted: Span, now: datetime) -> list[Span]:
    """Derive a machine's states in a range; return where they came out otherwise than they stood.

    What is read of later than now, by a clock that runs ahead, ends nothing before it has come.
    """
    sources = await sources_of(session, machine_id)
    window, segments = await _read(session, machine_id, sources, wanted, now)
    if window is None:
        return []
    told = await _told(session, machine_id, window, [tag.id for tag in sources.tags])
    if not sources.tags:
        # what was said without an end goes on until something else is said
        window = Span(window.start, max([window.end, *(each.span.end for each in told if each.goes_on)]))
    found = rules.overlay(segments, told, window)
    return await _write(session, machine_id, window, found)


async def sources_of(session: AsyncSession, machine_id: uuid.UUID) -> Sources:
    """Return what a machine's states are read from: its rules, else its tags that mean `state`."""
    tags = await signals.sources(session, machine_id)
    return sources_by(await session.get(StateModel, machine_id), tags)


def sources_by(model: StateModel | None, tags: Sequence[signals.Source]) -> Sources:
    """Return the same, of a model and a machine's tags that are known."""
    if model is not None and model.rules:
        told = [Rule.model_validate(each) for each in model.rules]
        otherwise = MachineState(model.otherwise) if model.otherwise is not None else None
        named: dict[tuple[str | None, str], int] = {(None, tag.name): tag.id for tag in tags}
        named |= {(tag.device, tag.name): tag.id for tag in tags}

        def tag_of(condition: Condition) -> int | None:
            return named.get((condition.device, condition.tag))

        used = {tag_of(condition) for rule in told for condition in rule.when}
        return Sources([tag for tag in tags if tag.id in used], rules.by_rules(told, otherwise, tag_of))
    codes = presets.codes(presets.Preset(model.preset) if model is not None and model.preset else None)
    if model is not None:
        codes |= {code.strip().lower(): MachineState(state) for code, state in model.codes.items()}
    states = [tag for tag in tags if tag.reading_type == ReadingType.STATE]

    def meaning(said: rules.Value | None) -> MachineState | None:
        return presets.meaning(said, codes)

    return Sources(states, rules.by_tags([tag.id for tag in states], meaning), meaning)


async def _read(
    session: AsyncSession, machine_id: uuid.UUID, sources: Sources, wanted: Span, now: datetime
) -> tuple[Span | None, list[Segment]]:
    """Return what readings say from the range's beginning until the next reading after it, and that window.

    What was derived of readings that are not kept any more stays as it is.
    """
    kept = await signals.kept_since(session)
    start = max(wanted.start, moments.us(kept)) if kept is not None else wanted.start
    if start >= wanted.end:
        return None, []
    if not sources.tags or sources.read is None:
        return Span(start, wanted.end), []
    ids = [tag.id for tag in sources.tags]
    after = await signals.first_after(session, ids, moments.utc(wanted.end))
    after = after if after is not None and after <= now else None
    window = Span(start, FOREVER if after is None else moments.us(after))
    before = await signals.before(session, ids, moments.utc(start))
    inside = await signals.between(session, ids, moments.utc(start), moments.utc(wanted.end))
    segments = rules.base([_said(each) for each in before], [_said(each) for each in inside], sources.read, window)
    if kept is not None and not before:
        # what was read before is kept no more, and what was derived of it holds until the first reading that is
        first = min([window.end, *(moments.us(each.at) for each in inside)])
        segments = rules.joined([*await _stood(session, machine_id, Span(window.start, first)), *segments])
    last = after or datetime(2200, 1, 1, tzinfo=UTC)
    holes = await signals.holes(session, sources.tags, moments.utc(start), last)
    return window, rules.without(segments, [moments.span(*each) for each in holes])


async def _told(session: AsyncSession, machine_id: uuid.UUID, window: Span, tags: Collection[int]) -> list[Told]:
    end = datetime(2200, 1, 1, tzinfo=UTC) if window.end >= FOREVER else moments.utc(window.end)
    asked = {"machine_id": machine_id, "start": moments.utc(window.start), "end": end}
    rows = (await session.execute(_TOLD, asked)).all()
    # what was said without an end, before the machine had tags, holds until they speak
    is_open = bool(tags) and any(row.to_at is None for row in rows)
    spoke = {row.id: await signals.first_after(session, tags, row.from_at) for row in rows if is_open and not row.to_at}
    return [
        Told(
            row.id,
            moments.span(row.from_at, _earlier(row.until_at, spoke.get(row.id))),
            StateSource(row.source),
            MachineState(row.state) if row.state is not None else None,
            row.reason_id,
            row.to_at is None,
        )
        for row in rows
    ]


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _said(heard: signals.Signal) -> Said:
    return Said(moments.us(heard.at), heard.tag_id, heard.value, heard.quality, heard.n)


async def _write(session: AsyncSession, machine_id: uuid.UUID, window: Span, derived: Sequence[Segment]) -> list[Span]:
    known = await _known(session, machine_id, window)
    wanted = rules.spliced([_segment(row) for row in known], window, derived)
    # a neighbour outside of the window that says the same is joined, and so is part of what is compared
    by_content = {(each.span, each.content): each for each in wanted}
    stay = {(moments.span(row.from_at, row.to_at), _segment(row).content): row for row in known}
    gone = [row for key, row in stay.items() if key not in by_content]
    new = [each for key, each in by_content.items() if key not in stay]
    changed: list[Span] = []
    closing = [(row, each) for row in gone for each in new if _merely_ends(row, each)]
    for row, each in closing:
        await session.execute(
            update(MachineStateRow)
            .where(col(MachineStateRow.id) == row.id)
            .values(to_at=moments.end_of(each.span.end), end_recorded_at=text("now()"))
            .execution_options(synchronize_session=False)
        )
        gone.remove(row)
        new.remove(each)
        # as long as it lasted, until now, it was counted as what it is; only whether it was short is seen at its end
        changed.append(Span(max(each.span.start, each.span.end - 2 * HOUR), FOREVER))
    if gone:
        ids = [row.id for row in gone]
        await session.execute(
            update(MachineStateRow)
            .where(col(MachineStateRow.id).in_(ids))
            .values(replaced_at=text("now()"))
            .execution_options(synchronize_session=False)
        )
    if new:
        await session.execute(insert(MachineStateRow), [_row(machine_id, each, gone) for each in new])
    changed += [moments.span(row.from_at, row.to_at) for row in gone] + [each.span for each in new]
    return union(changed)


async def _known(session: AsyncSession, machine_id: uuid.UUID, window: Span) -> Sequence[MachineStateRow]:
    """Return the current rows that overlap a window or touch it."""
    conditions = [
        col(MachineStateRow.machine_id) == machine_id,
        col(MachineStateRow.replaced_at).is_(None),
        (col(MachineStateRow.to_at).is_(None)) | (col(MachineStateRow.to_at) >= moments.utc(window.start)),
    ]
    if window.end < FOREVER:
        conditions.append(col(MachineStateRow.from_at) <= moments.utc(window.end))
    statement = select(MachineStateRow).where(*conditions).order_by(col(MachineStateRow.from_at))
    return (await session.scalars(statement, execution_options={"populate_existing": True})).all()


async def _stood(session: AsyncSession, machine_id: uuid.UUID, window: Span) -> list[Segment]:
    """Return what readings were found to say of a window, as it stands; what people say is laid over it anew."""
    rows = await _known(session, machine_id, window)
    found = [replace(_segment(row), reason=None, told=None) for row in rows if row.source in _READ]
    return [replace(each, span=each.span.clip(window)) for each in found if each.span.clip(window).length]


def _segment(row: MachineStateRow) -> Segment:
    return Segment(
        moments.span(row.from_at, row.to_at),
        MachineState(row.state),
        StateSource(row.source),
        row.reason_id,
        row.told_id,
    )


def _merely_ends(row: MachineStateRow, segment: Segment) -> bool:
    return (
        row.to_at is None and _segment(row).content == segment.content and moments.us(row.from_at) == segment.span.start
    )


def _row(machine_id: uuid.UUID, segment: Segment, gone: Sequence[MachineStateRow]) -> dict[str, object]:
    shared = [(moments.span(row.from_at, row.to_at).clip(segment.span).length, row) for row in gone]
    most, before = max(shared, key=lambda each: each[0], default=(0, None))
    is_correction = before is not None and most > 0
    return {
        "machine_id": machine_id,
        "from_at": moments.utc(segment.span.start),
        "to_at": moments.end_of(segment.span.end),
        "state": segment.state.value,
        "reason_id": segment.reason,
        "source": segment.source.value,
        "told_id": segment.told,
        "revision": before.revision + 1 if before is not None and is_correction else 1,
        "replaces_id": before.id if before is not None and is_correction else None,
    }
