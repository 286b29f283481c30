"""Owns the gateways' tags as the database knows them: described by batches, numbered once, remembered a while.

A batch lists the tags it uses. Those this process has seen lately cost a look in a dict; for the others
the database is asked, in a transaction of their own: what a tag is stays true whatever becomes of the batch.
"""

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.db import Database
from cloud.gateways.schemas import GatewayCaller
from cloud.machines import service as machines
from shared.reading import Tag

# after this a machine registered since, or a tag described anew by way of another process, is noticed
_REMEMBERED_S = 60.0
_MAX_GATEWAYS = 1000
# one for each lane that a gateway has, and one for each request that it has under way
_MAX_LISTS = 8
# a statement takes at most 65,535 parameters
_CODES_AT_ONCE = 10_000
# arrays, for the same reason
_FIND = text("""
    SELECT tag.id, tag.device, tag.name, machine_code, machine_id, reading_type, unit, rollover,
           described_at
    FROM unnest(CAST(:device AS text[]), CAST(:name AS text[])) AS told (device, name)
    JOIN tag ON tag.gateway_id = :gateway_id AND tag.device = told.device AND tag.name = told.name
""")
# another batch may be making the same ones
_MAKE = text("""
    INSERT INTO tag (organization_id, gateway_id, device, name, machine_code, machine_id, reading_type, unit,
                     rollover, described_at)
    SELECT :organization_id, :gateway_id, told.*, :described_at
    FROM unnest(CAST(:device AS text[]), CAST(:name AS text[]), CAST(:machine_code AS text[]),
                CAST(:machine_id AS uuid[]), CAST(:reading_type AS text[]), CAST(:unit AS text[]),
                CAST(:rollover AS double precision[])) AS told
    ON CONFLICT DO NOTHING
""")
_CHANGE = text("""
    UPDATE tag SET machine_code = :machine_code, machine_id = :machine_id, reading_type = :reading_type,
                   unit = :unit, rollover = :rollover, described_at = :described_at
    WHERE id = :tag_id AND described_at <= :described_at
""")
# what a tag said before it was known to be this machine's is what the machine did, and no more what another one did
_MARK = text("""
    INSERT INTO mark (machine_id, from_at, to_at)
    SELECT moved.machine_id, min(bucket), greatest(now(), max(last_at))
    FROM unnest(CAST(:tags AS int[]), CAST(:machines AS uuid[])) AS moved (tag_id, machine_id)
    JOIN rollup_hour ON rollup_hour.tag_id = moved.tag_id
    GROUP BY moved.machine_id HAVING min(bucket) < greatest(now(), max(last_at))
""")


@dataclass(slots=True)
class _Known:
    """What is remembered of one gateway; a tag described otherwise is another key, and forgets the former."""

    until: float
    ids: dict[Tag, int] = field(default_factory=dict)
    described: dict[tuple[str, str], Tag] = field(default_factory=dict)
    # whole lists, as the wire remembers them (`TagLists`): a live plant names the same ones batch after batch
    lists: OrderedDict[int, tuple[Sequence[Tag], list[int]]] = field(default_factory=OrderedDict)

    def of_list(self, tags: Sequence[Tag]) -> list[int] | None:
        """Return the ids of a list that was asked for before, the very same one."""
        found = self.lists.get(id(tags))
        return found[1] if found is not None and found[0] is tags else None

    def of_each(self, tags: Sequence[Tag]) -> list[int | None]:
        """Return each tag's id, or None where it is not known."""
        ids = [self.ids.get(tag) for tag in tags]
        if None not in ids:
            self.lists[id(tags)] = (tags, ids)  # type: ignore[assignment]
            if len(self.lists) > _MAX_LISTS:
                self.lists.popitem(last=False)
        return ids

    def learn(self, tag: Tag, tag_id: int) -> None:
        self.lists.clear()
        former = self.described.get((tag.device, tag.name))
        if former is not None:
            self.ids.pop(former, None)
        self.described[tag.device, tag.name] = tag
        self.ids[tag] = tag_id


class Dictionary:
    """From a gateway's tags to the database's ids."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: OrderedDict[uuid.UUID, _Known] = OrderedDict()

    async def ids(self, gateway: GatewayCaller, tags: Sequence[Tag], sealed_at: datetime) -> list[int]:
        """Return the id of each tag, made if it is new.

        Args:
            gateway: Whose tags they are.
            tags: As a batch lists them.
            sealed_at: When that batch was closed: an older description never replaces a newer one.
        """
        known = self._remembered(gateway.gateway_id)
        of_list = known.of_list(tags)
        if of_list is not None:
            return of_list
        # taken now: while the database is asked, another batch may describe a tag anew, and the former is forgotten
        of_each = known.of_each(tags)
        ids = {tag: tag_id for tag, tag_id in zip(tags, of_each, strict=True) if tag_id is not None}
        missing = [tag for tag, tag_id in zip(tags, of_each, strict=True) if tag_id is None]
        if not missing:
            return [ids[tag] for tag in tags]
        async with self._database.transaction() as session:
            found = await describe(session, gateway, missing, sealed_at)
        for tag in missing:
            row = found[tag.device, tag.name]
            ids[tag] = row.id
            # a description out of date, as a backlog brings it, is asked about again: it may come back into force
            if _is_described_by(row, tag) or row.described_at <= sealed_at:
                known.learn(tag, row.id)
        return [ids[tag] for tag in tags]

    def _remembered(self, gateway_id: uuid.UUID) -> _Known:
        known = self._known.get(gateway_id)
        if known is None or known.until < self._monotonic():
            known = self._known[gateway_id] = _Known(self._monotonic() + _REMEMBERED_S)
        self._known.move_to_end(gateway_id)
        if len(self._known) > _MAX_GATEWAYS:
            self._known.popitem(last=False)
        return known


async def describe(
    session: AsyncSession, gateway: GatewayCaller, tags: Iterable[Tag], sealed_at: datetime
) -> dict[tuple[str, str], Any]:
    """Make the tags that are not there, change those described otherwise; return what was found, by device and name.

    Each row has the tag's id, and how and when it was described before.
    """
    # one description a tag, in one order for everybody, so that two batches never block each other
    wanted = dict(sorted({(tag.device, tag.name): tag for tag in tags}.items()))
    machine_ids = await _machine_ids(session, gateway.organization_id, wanted.values())
    found = await _found(session, gateway.gateway_id, wanted)
    missing = [tag for key, tag in wanted.items() if key not in found]
    if missing:
        await _make(session, gateway, missing, machine_ids, sealed_at)
        found = await _found(session, gateway.gateway_id, wanted)
    changes = [
        change
        for key, tag in wanted.items()
        if (change := _change(found[key], tag, machine_ids, sealed_at)) is not None
    ]
    if changes:
        await session.execute(_CHANGE, changes)
        before = {row.id: row.machine_id for row in found.values()}
        moved = [
            (change["tag_id"], machine_id)
            for change in changes
            for machine_id in (before[change["tag_id"]], change["machine_id"])
            if before[change["tag_id"]] != change["machine_id"] and machine_id is not None
        ]
        if moved:
            tags_moved, of_machines = zip(*moved, strict=True)
            await session.execute(_MARK, {"tags": list(tags_moved), "machines": list(of_machines)})
    return found


async def _machine_ids(session: AsyncSession, organization_id: uuid.UUID, tags: Iterable[Tag]) -> dict[str, uuid.UUID]:
    codes = sorted({tag.machine for tag in tags if tag.machine is not None})
    found: dict[str, uuid.UUID] = {}
    for begin in range(0, len(codes), _CODES_AT_ONCE):
        found |= await machines.by_codes(session, organization_id, codes[begin : begin + _CODES_AT_ONCE])
    return found


async def _found(
    session: AsyncSession, gateway_id: uuid.UUID, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Any]:
    devices, names = zip(*keys, strict=True)
    rows = await session.execute(_FIND, {"gateway_id": gateway_id, "device": list(devices), "name": list(names)})
    return {(row.device, row.name): row for row in rows}


async def _make(
    session: AsyncSession,
    gateway: GatewayCaller,
    tags: Sequence[Tag],
    machine_ids: dict[str, uuid.UUID],
    sealed_at: datetime,
) -> None:
    columns = {
        "device": [tag.device for tag in tags],
        "name": [tag.name for tag in tags],
        "machine_code": [tag.machine for tag in tags],
        "machine_id": [machine_ids.get(tag.machine or "") for tag in tags],
        "reading_type": [tag.reading_type.value for tag in tags],
        "unit": [tag.unit for tag in tags],
        "rollover": [tag.rollover for tag in tags],
    }
    of_all = {
        "organization_id": gateway.organization_id,
        "gateway_id": gateway.gateway_id,
        "described_at": sealed_at,
    }
    await session.execute(_MAKE, columns | of_all)


def _change(row: Any, tag: Tag, machine_ids: dict[str, uuid.UUID], sealed_at: datetime) -> dict[str, object] | None:
    machine_id = machine_ids.get(tag.machine or "")
    if _is_described_by(row, tag):
        # else its machine was registered after the tag came
        if row.machine_id is not None or machine_id is None:
            return None
    elif row.described_at > sealed_at:
        return None
    return {
        "tag_id": row.id,
        "machine_code": tag.machine,
        "machine_id": machine_id,
        "reading_type": tag.reading_type,
        "unit": tag.unit,
        "rollover": tag.rollover,
        "described_at": max(row.described_at, sealed_at),
    }


def _is_described_by(row: Any, tag: Tag) -> bool:
    described = (tag.machine, tag.reading_type, tag.unit, tag.rollover)
    return (row.machine_code, row.reading_type, row.unit, row.rollover) == described
