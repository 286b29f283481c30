"""Owns bringing a past into the database: all of a directory in one transaction, and of what is here already nothing.

What is here is never changed, for something may have been answered from it. A row that says something else of the same
machine and instant is counted as changed, and left out.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import bulk, changes
from cloud.changes import ChangeKind, Entity, Operator
from cloud.db import driver_connection
from cloud.errors import BadRequest, Conflict
from cloud.machines import service as machines
from cloud.predictions.exports import Tell, Verdict
from cloud.predictions.history import SECOND, Events, History, Spans, Stops, Times
from cloud.predictions.imported.packing import pack
from cloud.predictions.imported.rows import HistoryImport, HistoryLayout
from cloud.predictions.imported.schemas import HistoryVerdict, TableVerdict
from cloud.production.service.moments import utc

# some 7 MB, and a second: what a statement takes
_AT_ONCE = 50_000
_STOPS = """
    SELECT ids.id, coming.at, coming.code, coming.to_at, coming.known_at, coming.end_known_at, :import_id AS import_id
    FROM coming JOIN unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.number = coming.place + 1
"""
_EVENTS = """
    SELECT ids.id, :kind AS kind, coming.at, coming.code, coming.known_at, :import_id AS import_id
    FROM coming JOIN unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.number = coming.place + 1
"""
_SPANS = """
    SELECT ids.id, :layout_id AS layout_id, coming.at, coming.known_at, coming.numbers, :import_id AS import_id
    FROM coming JOIN unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.number = coming.place + 1
"""
_MOMENTS = "at timestamptz, known_at timestamptz"


@dataclass(frozen=True, slots=True)
class _Way:
    """How rows of a kind get in: by which columns they come, what they become, and by what one is told from another."""

    coming: str
    table: str
    columns: str
    made_by: str
    key: str
    content: str


_STOP_WAY = _Way(
    f"place integer, {_MOMENTS}, code text, to_at timestamptz, end_known_at timestamptz",
    "history_stop",
    "machine_id, at, code, to_at, known_at, end_known_at, import_id",
    _STOPS,
    "there.at = new.at AND there.code = new.code",
    "(there.to_at, there.known_at, there.end_known_at) IS DISTINCT FROM (new.to_at, new.known_at, new.end_known_at)",
)
_EVENT_WAY = _Way(
    f"place integer, {_MOMENTS}, code text",
    "history_event",
    "machine_id, kind, at, code, known_at, import_id",
    _EVENTS,
    "there.kind = new.kind AND there.at = new.at AND there.code = new.code",
    "there.known_at <> new.known_at",
)
_SPAN_WAY = _Way(
    f"place integer, {_MOMENTS}, numbers double precision[]",
    "history_span",
    "machine_id, layout_id, at, known_at, numbers, import_id",
    _SPANS,
    "there.layout_id = new.layout_id AND there.at = new.at",
    "there.known_at <> new.known_at OR there.numbers <> new.numbers",
)


async def bring(
    session: AsyncSession,
    organization_id: uuid.UUID,
    name: str,
    read: tuple[History, Verdict],
    tell: Tell,
    *,
    is_dry_run: bool,
) -> HistoryVerdict:
    """Bring what is new of a past, in the session's transaction.

    Args:
        session: Into which; of a dry run it keeps nothing.
        organization_id: Whose past it is.
        name: Of the directory, for the record.
        read: What was read of it, and what became of the rows; machines by their codes here.
        tell: Hears of each table how many rows are written so far.
        is_dry_run: Whether it only says what would come.

    Raises:
        BadRequest: Spans of another length are here.
        Conflict: A row is not accounted for; a mistake of ours.
    """
    history, told = read
    point = await session.begin_nested()
    # one at a time: of two at once each would count the other's rows as its own
    await session.execute(text("SELECT 1 FROM organization WHERE id = :id FOR NO KEY UPDATE"), {"id": organization_id})
    verdict = await _Bringing(session, organization_id, name, history, tell).run(told, is_dry_run=is_dry_run)
    await (point.rollback() if is_dry_run or not verdict.is_new else point.commit())
    return verdict


class _Bringing:
    def __init__(
        self, session: AsyncSession, organization_id: uuid.UUID, name: str, history: History, tell: Tell
    ) -> None:
        self._session = session
        self._actor = Operator(organization_id, actor="import")
        self._name = name
        self._history = history
        self._tell = tell
        self._ids: list[uuid.UUID] = []
        self._import_id = 0

    async def run(self, told: Verdict, *, is_dry_run: bool) -> HistoryVerdict:
        history, whose = self._history, self._actor.organization_id
        added = await machines.ensure(self._session, self._actor, history.machines)
        places = await machines.by_codes(self._session, whose, history.machines)
        self._ids = [places[code] for code in history.machines]
        extent = _extent(history)
        verdict = HistoryVerdict(
            directory=self._name,
            is_dry_run=is_dry_run,
            tables=[],
            reasons=_reasons(told),
            machines=len(history.machines),
            machines_added=len(added),
            unplanned_stops=len(history.stops),
            from_at=None if extent is None else utc(extent[0]),
            to_at=None if extent is None else utc(extent[1]),
            is_new=False,
        )
        if extent is not None:
            self._import_id = await self._begun(extent)
            counts = await self._written()
            verdict.tables = _tables(told, counts)
            verdict.is_new = any(each.imported for each in verdict.tables)
            await self._concluded(verdict)
        else:
            verdict.tables = _tables(told, {})
        if not all(each.is_whole for each in verdict.tables):
            raise Conflict(f"Not all rows are accounted for, so nothing was kept: {verdict!r}")
        return verdict

    async def _begun(self, extent: tuple[int, int]) -> int:
        row = HistoryImport(
            organization_id=self._actor.organization_id,
            arrived_at=utc(extent[1]),  # until it is over
            from_at=utc(extent[0]),
            to_at=utc(extent[1]),
            verdict={},
        )
        self._session.add(row)
        await self._session.flush()
        assert row.id is not None  # noqa: S101 - flushed
        return row.id

    async def _concluded(self, verdict: HistoryVerdict) -> None:
        """Let it be known from now on: the last thing before the commit, so that no answer came in between."""
        values = {"id": self._import_id, "verdict": verdict.model_dump_json()}
        ended = (
            "UPDATE history_import SET arrived_at = clock_timestamp(), verdict = CAST(:verdict AS jsonb) WHERE id = :id"
        )
        await changes.record(
            self._session, self._actor, Entity.HISTORY, self._import_id, ChangeKind.CREATED, after=verdict
        )
        await self._session.execute(text(ended), values)

    async def _written(self) -> dict[str, tuple[int, int, int]]:
        """Write what is new; return by table how many came, how many of them are new, and how many changed."""
        history = self._history
        found = {"stops": await self._put("stops", _STOP_WAY, _stop_rows(history.stops), {})}
        for name, events in (("alarms", history.alarms), ("maintenance", history.maintenance)):
            found[name] = await self._put(name, _EVENT_WAY, _event_rows(events), {"kind": name})
        for name, spans in (("work", history.work), ("telemetry", history.measured)):
            if len(spans):
                found[name] = await self._put_spans(name, spans)
        found["machines"] = await self._put_machines()
        return found

    async def _put(
        self, name: str, way: _Way, rows: Sequence[Sequence[Any]], more: Mapping[str, Any]
    ) -> tuple[int, int, int]:
        came = new = changed = 0
        names = [each.split()[0] for each in way.coming.split(", ")]
        for start in range(0, len(rows), _AT_ONCE):
            chunk = rows[start : start + _AT_ONCE]
            await self._session.execute(text(f"CREATE TEMP TABLE coming ({way.coming}) ON COMMIT DROP"))
            await bulk.copy(self._session, "coming", names, chunk)
            fresh, others = await self._settled(way, more, len(chunk))
            came, new, changed = came + len(chunk), new + fresh, changed + others
            self._tell(name, came)
        return came, new, changed

    async def _put_spans(self, name: str, spans: Spans) -> tuple[int, int, int]:
        layout_id = await self._layout(name, spans)
        came = new = changed = 0
        for start in range(0, len(spans), _AT_ONCE):
            chunk = spans.take(np.arange(start, min(start + _AT_ONCE, len(spans))))
            await self._session.execute(text(f"CREATE TEMP TABLE coming ({_SPAN_WAY.coming}) ON COMMIT DROP"))
            connection = await driver_connection(self._session)
            into = "COPY coming (place, at, known_at, numbers) FROM STDIN (FORMAT BINARY)"
            async with connection.cursor() as cursor, cursor.copy(into) as stream:
                await stream.write(pack(chunk))
            fresh, others = await self._settled(_SPAN_WAY, {"layout_id": layout_id}, len(chunk))
            came, new, changed = came + len(chunk), new + fresh, changed + others
            self._tell(name, came)
        return came, new, changed

    async def _settled(self, way: _Way, more: Mapping[str, Any], count: int) -> tuple[int, int]:
        """Take over what came and is new; return how many that are, and how many are here with another content."""
        values = {"ids": self._ids, "import_id": self._import_id, **more}
        put = f"INSERT INTO {way.table} ({way.columns}) {way.made_by} ON CONFLICT DO NOTHING"
        new = (await self._session.execute(text(put), values)).rowcount  # type: ignore[attr-defined]
        changed = 0
        if new < count:
            differ = (
                f"SELECT count(*) FROM ({way.made_by}) AS new JOIN {way.table} AS there "  # noqa: S608 - ours
                f"ON there.machine_id = new.id AND {way.key} AND there.import_id <> new.import_id WHERE {way.content}"
            )
            changed = await self._session.scalar(text(differ), values) or 0
        await self._session.execute(text("DROP TABLE coming"))
        return new, changed

    async def _layout(self, kind: str, spans: Spans) -> int:
        row, length_s, names = HistoryLayout, spans.length // SECOND, sorted(spans.columns)
        mine = (col(row.organization_id) == self._actor.organization_id, col(row.kind) == kind)
        lengths = set(await self._session.scalars(select(col(row.length_s)).where(*mine)))
        if lengths and lengths != {length_s}:
            raise BadRequest(
                f"[{kind}] is told every {length_s / 3600:g} h, and what is here every "
                f"{', '.join(f'{each / 3600:g}' for each in sorted(lengths))} h; bring it in the same steps."
            )
        values = {
            "organization_id": self._actor.organization_id,
            "kind": kind,
            "length_s": length_s,
            "names": list(spans.columns),
        }
        await self._session.execute(insert(row).values(values).on_conflict_do_nothing())
        same = select(col(row.id)).where(*mine, col(row.names) == list(spans.columns))
        found = await self._session.scalar(same)
        assert found is not None, names  # noqa: S101 - just put there
        return found

    async def _put_machines(self) -> tuple[int, int, int]:
        """Write which machines it tells of, and what they are; return how many have traits, and how many are new."""
        traits = self._history.traits
        before = {row.machine_id: row.traits for row in await self._session.execute(_TRAITS, {"ids": self._ids})}
        told = [
            {name: float(values[place]) for name, values in traits.items() if np.isfinite(values[place])}
            for place in range(len(self._ids))
        ]
        rows = [
            {"import_id": self._import_id, "machine_id": machine_id, "traits": has}
            for machine_id, has in zip(self._ids, told, strict=True)
        ]
        await bulk.copy(
            self._session,
            "history_machine",
            ["import_id", "machine_id", "traits"],
            [[row["import_id"], row["machine_id"], _json(row["traits"])] for row in rows],
        )
        having = [row for row in rows if row["traits"]]
        new = [row for row in having if before.get(row["machine_id"]) != row["traits"]]
        return len(having), len(new), 0


_TRAITS = text("""
    SELECT DISTINCT ON (machine_id) machine_id, traits FROM history_machine
    WHERE machine_id = ANY(CAST(:ids AS uuid[])) AND traits <> '{}' ORDER BY machine_id, import_id DESC
""")


def _json(value: object) -> str:
    return TypeAdapter(object).dump_json(value).decode()


def _extent(history: History) -> tuple[int, int] | None:
    """Return from when until when it tells something."""
    ends: list[Times] = [history.stops.at, history.stops.end]
    ends += [each.at for each in (history.alarms, history.maintenance, history.measured)]
    # what was counted tells of its span from the begin on
    ends += [history.work.at, history.work.at - history.work.length]
    known = [each for each in ends if len(each)]
    return (min(int(each.min()) for each in known), max(int(each.max()) for each in known)) if known else None


def _stop_rows(stops: Stops) -> list[list[Any]]:
    columns = (stops.machine, stops.at, stops.known, stops.kind, stops.end, stops.end_known)
    return [
        [machine, utc(at), utc(known), stops.kinds[kind], utc(end), utc(end_known)]
        for machine, at, known, kind, end, end_known in zip(*(each.tolist() for each in columns), strict=True)
    ]


def _event_rows(events: Events) -> list[list[Any]]:
    columns = (events.machine, events.at, events.known, events.kind)
    return [
        [machine, utc(at), utc(known), events.kinds[kind]]
        for machine, at, known, kind in zip(*(each.tolist() for each in columns), strict=True)
    ]


def _tables(told: Verdict, counts: Mapping[str, tuple[int, int, int]]) -> list[TableVerdict]:
    def made() -> Iterator[TableVerdict]:
        for each in told.tables:
            came, new, changed = counts.get(each.table, (0, 0, 0))
            yield TableVerdict(
                table=each.table,
                file=each.file,
                rows_read=each.read,
                imported=new,
                already_here=came - new,
                passed_over=each.taken - came,
                refused=each.read - each.taken,
                changed=changed,
            )

    return list(made())


def _reasons(told: Verdict) -> dict[str, int]:
    # what a row alone says is quoted: without it equal ones are counted together
    said = Counter(f"{each.file}: {_without_quote(each.reason)}" for each in told.refused)
    return dict(said.most_common())


def _without_quote(reason: str) -> str:
    _, found, rest = reason[1:].partition("' ")
    return f"a cell {rest}" if reason.startswith("'") and found else reason
