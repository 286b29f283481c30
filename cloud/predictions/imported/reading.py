"""Owns an imported past as it was known here at an instant, and up to where a machine's own records begin.

What came by an import is seen from its arrival on: before, nobody here could have answered from it. And it is seen only
up to where a machine tells the same itself (its seam), or one stop would be counted twice.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.db import driver_connection
from cloud.predictions.history import SECOND, Events, Floats, Spans, Stops, no_spans
from cloud.predictions.imported.packing import unpack
from cloud.predictions.windows import lanes
from cloud.production.service.moments import us

_ARRIVED = text("SELECT id, from_at, to_at FROM history_import WHERE organization_id = :whose AND arrived_at <= :as_of")
_TOLD = text("""
    SELECT import_id, machine_id, traits FROM history_machine WHERE import_id = ANY(:imports)
    ORDER BY machine_id, import_id
""")
_STOPS = text("""
    SELECT machine_id, at, known_at, code, to_at, end_known_at FROM history_stop
    WHERE import_id = ANY(:imports) AND known_at <= :as_of ORDER BY machine_id, at, code
""")
_EVENTS = text("""
    SELECT machine_id, at, known_at, code FROM history_event
    WHERE import_id = ANY(:imports) AND kind = :kind AND known_at <= :as_of ORDER BY machine_id, at, code
""")
_LAYOUTS = text("""
    SELECT id, length_s, names FROM history_layout WHERE organization_id = :whose AND kind = :kind ORDER BY id
""")
# a row a machine, for hundreds of thousands of them take Python seconds merely to receive
_SPANS = """
    SELECT CAST(ids.number - 1 AS integer), string_agg(
        timestamptz_send(span.at) || timestamptz_send(span.known_at) || array_send(span.numbers), '' ORDER BY span.at
    ) FROM history_span AS span
    JOIN unnest(CAST(%(ids)s AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.id = span.machine_id
    WHERE span.layout_id = %(layout)s AND span.import_id = ANY(CAST(%(imports)s AS bigint[]))
          AND span.known_at <= %(as_of)s GROUP BY ids.number ORDER BY ids.number
"""
STANDING = "SELECT concat(count(*), '.', max(id)) FROM history_import WHERE organization_id = :organization_id"
"""Of the organization, what stays the same until more is imported; an SQL query."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What imports had arrived by an instant.

    Attributes:
        imports: Their ids.
        covered: By machine from when until when one of them tells of it, microseconds.
        traits: By machine what it is; the latest word counts.
    """

    whose: uuid.UUID
    as_of: datetime
    imports: Sequence[int]
    covered: Mapping[uuid.UUID, Sequence[tuple[int, int]]]
    traits: Mapping[uuid.UUID, Mapping[str, float]]


async def arrived(session: AsyncSession, whose: uuid.UUID, as_of: datetime) -> Arrived:
    """Return what imports an organization had by an instant."""
    found = {row.id: row for row in await session.execute(_ARRIVED, {"whose": whose, "as_of": as_of})}
    covered: dict[uuid.UUID, list[tuple[int, int]]] = {}
    traits: dict[uuid.UUID, dict[str, float]] = {}
    if found:
        for row in await session.execute(_TOLD, {"imports": list(found)}):
            one = found[row.import_id]
            covered.setdefault(row.machine_id, []).append((us(one.from_at), us(one.to_at)))
            traits.setdefault(row.machine_id, {}).update(row.traits)
    return Arrived(whose, as_of, list(found), covered, traits)


async def stops(
    session: AsyncSession, seen: Arrived, places: Mapping[uuid.UUID, int], seams: Mapping[int, int]
) -> Stops:
    """Return the stops, those that begin before a machine's seam."""
    rows = await session.execute(_STOPS, {"imports": list(seen.imports), "as_of": seen.as_of}) if seen.imports else ()
    found = [
        (places[row.machine_id], us(row.at), us(row.known_at), row.code, us(row.to_at), us(row.end_known_at))
        for row in rows
        if row.machine_id in places and us(row.at) < seams.get(places[row.machine_id], _NEVER)
    ]
    kinds = tuple(sorted({row[3] for row in found}))
    told = [(*row[:3], kinds.index(row[3]), *row[4:]) for row in found]
    machine, at, known, kind, end, end_known = np.array(told, np.int64).reshape(-1, 6).T
    return Stops(machine.astype(np.int32), at, known, kind.astype(np.int16), kinds, end, end_known)


async def events(
    session: AsyncSession, seen: Arrived, kind: str, places: Mapping[uuid.UUID, int], seams: Mapping[int, int]
) -> Events:
    """Return the alarms or the maintenance, those before a machine's seam."""
    asked = {"imports": list(seen.imports), "kind": kind, "as_of": seen.as_of}
    rows = await session.execute(_EVENTS, asked) if seen.imports else ()
    found = [
        (places[row.machine_id], us(row.at), us(row.known_at), row.code)
        for row in rows
        if row.machine_id in places and us(row.at) < seams.get(places[row.machine_id], _NEVER)
    ]
    kinds = tuple(sorted({row[3] for row in found}))
    told = [(*row[:3], kinds.index(row[3])) for row in found]
    machine, at, known, of = np.array(told, np.int64).reshape(-1, 4).T
    return Events(machine.astype(np.int32), at, known, of.astype(np.int16), kinds)


async def spans(
    session: AsyncSession,
    seen: Arrived,
    kind: str,
    wanted: Mapping[uuid.UUID, int],
    seams: Mapping[int, int],
) -> Spans:
    """Return what was counted or measured of some machines, what ended before a machine's seam."""
    if not seen.imports or not wanted:
        return no_spans()
    layouts = (await session.execute(_LAYOUTS, {"whose": seen.whose, "kind": kind})).all()
    parts = [await _part(session, seen, (row.id, row.length_s, row.names), wanted, seams) for row in layouts]
    return joined([each for each in parts if len(each)])


async def _part(
    session: AsyncSession,
    seen: Arrived,
    layout: tuple[int, int, Sequence[str]],
    wanted: Mapping[uuid.UUID, int],
    seams: Mapping[int, int],
) -> Spans:
    layout_id, length_s, names = layout
    asked = {"ids": list(wanted), "layout": layout_id, "imports": list(seen.imports), "as_of": seen.as_of}
    connection = await driver_connection(session)
    async with connection.cursor(binary=True) as cursor:
        told = await (await cursor.execute(_SPANS, asked)).fetchall()
    row, at, known, values = unpack(told, len(names))
    machine = np.array(list(wanted.values()), np.int32)[row]
    limit = np.array([seams.get(place, _NEVER) for place in wanted.values()], np.int64)[row]
    own = at <= limit
    columns = {name: values[own, column] for column, name in enumerate(names)}
    return Spans(machine[own], at[own], known[own], columns, length_s * SECOND)


def joined(parts: Sequence[Spans]) -> Spans:
    """Return several as one: of a value that two of them have the first one's counts, so that none is summed twice."""
    if len(parts) < 2:
        return parts[0] if parts else no_spans()
    names = list(dict.fromkeys(name for each in parts for name in each.columns))
    columns: dict[str, Floats] = {}
    for name in names:
        kept, before = [], np.empty(0, np.int64)
        for each in parts:
            where = lanes(each.machine, each.at)
            values = each.columns.get(name, np.full(len(each), np.nan))
            values = np.where(np.isin(where, before), np.nan, values)
            before = np.concatenate((before, where[np.isfinite(values)]))
            kept.append(values)
        columns[name] = np.concatenate(kept)
    machine, at, known = (
        np.concatenate([each.machine for each in parts]),
        np.concatenate([each.at for each in parts]),
        np.concatenate([each.known for each in parts]),
    )
    return Spans(machine, at, known, columns, parts[0].length)


def unknown(seen: Arrived, machine_id: uuid.UUID, live: tuple[int, int] | None) -> list[tuple[int, int]]:
    """Return when, up to the instant, nobody knows what a machine did: between imports, and after all that tells of it.

    Args:
        seen: What had arrived.
        machine_id: Which machine.
        live: From when until when it tells of itself; None where it does not.
    """
    now = us(seen.as_of)
    known = list(seen.covered.get(machine_id, ()))
    if live is not None:
        # what imports tell from its seam on is not looked at
        known = [(begin, min(end, live[0])) for begin, end in known if begin < live[0]] + [live]
    gaps, reached = [], None
    for begin, end in sorted(known):
        if reached is not None and begin > reached:
            gaps.append((reached, begin))
        reached = end if reached is None else max(reached, end)
    if reached is not None and reached < now:
        gaps.append((reached, now))
    return gaps


def since(seen: Arrived, live: Mapping[uuid.UUID, datetime]) -> dict[uuid.UUID, int]:
    """Return since when anything is known of each machine, by an import or by itself."""
    found = {machine_id: min(begin for begin, _ in each) for machine_id, each in seen.covered.items()}
    for machine_id, at in live.items():
        found[machine_id] = min(us(at), found.get(machine_id, us(at)))
    return found


# the year 2400
_NEVER = 13_569_465_600 * SECOND
