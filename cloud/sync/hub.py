"""Owns who listens in this process, and one look at the database for all of them.

It is looked at twice a second while somebody listens, and not notified: NOTIFY takes one lock of the whole server at
each commit, is lost while a connection is away, and would say no more than the feed does. Whichever listener's turn
it is first looks for all, so there is no task that must be kept alive. Each worker process has a hub of its own.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cloud import feed
from cloud.db import Database
from cloud.errors import Unavailable
from cloud.feed import Position
from cloud.production.service import present
from cloud.sync import messages
from cloud.telemetry.schemas import MachineNews

LOOK_EVERY_S = 0.5
# a machine tells its news once a second at the most, however often its tags speak
MACHINES_EVERY_S = 1.0
# each stream is a socket and some 50 kB; a plant's phones and screens, several times over
MOST = 500
_FULL_RETRY_S = 10


@dataclass(eq=False, slots=True)
class Listener:
    """One stream. What waits for it is bounded: a flag, and of each machine one piece of news.

    Attributes:
        machines: News that wait, by machine; None when it does not want them.
        has_changes: Whether the feed of its organization has more.
    """

    organization_id: uuid.UUID
    machines: dict[uuid.UUID, MachineNews] | None
    has_changes: bool = True
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> tuple[bool, list[MachineNews]]:
        """Return what waits, and wait for more."""
        told = self.has_changes, list((self.machines or {}).values())
        self.woken.clear()
        self.has_changes = False
        if self.machines:
            self.machines = {}
        return told

    def tell(self, news: MachineNews) -> None:
        """Put news of a machine beside what waits, or in its place."""
        if self.machines is not None:
            earlier = self.machines.get(news.machine_id)
            self.machines[news.machine_id] = news if earlier is None else merged(earlier, news)
            self.woken.set()


@dataclass(slots=True)
class _Organization:
    """What is known of one organization's machines, while somebody listens."""

    known: present.Known = field(default_factory=present.Known)
    newest: dict[uuid.UUID, MachineNews] = field(default_factory=dict)


class Hub:
    """Who listens in this process."""

    def __init__(self, database: Database, look_every_s: float = LOOK_EVERY_S) -> None:
        self._database = database
        self.look_every_s = look_every_s
        self._listeners: set[Listener] = set()
        self._organizations: dict[uuid.UUID, _Organization] = {}
        self._lock = asyncio.Lock()
        self._position: Position | None = None
        self._looked_at = self._machines_at = float("-inf")

    def require_room(self) -> None:
        """Refuse another listener when there are too many.

        Raises:
            Unavailable: There are; another process, or a later attempt, may have room.
        """
        if len(self._listeners) >= MOST:
            raise Unavailable(messages.EVENTS_FULL, retry_after_s=_FULL_RETRY_S)

    @contextmanager
    def listening(self, organization_id: uuid.UUID, *, to_machines: bool) -> Iterator[Listener]:
        """Listen for as long as the block lasts; what is known of the machines waits at once."""
        known = self._organizations.setdefault(organization_id, _Organization())
        listener = Listener(organization_id, dict(known.newest) if to_machines else None)
        listener.woken.set()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if all(other.organization_id != organization_id for other in self._listeners):
                self._organizations.pop(organization_id, None)
            if not self._listeners:
                self._position = None

    async def look(self) -> None:
        """Look for news and wake whom they concern, unless somebody did within the last half second.

        Raises:
            DatabaseUnavailable: The database is away; the next look finds what this one missed.
        """
        async with self._lock:
            now = time.monotonic()
            if now - self._looked_at < self.look_every_s:
                return
            self._looked_at = now
            async with self._database.transaction() as session:
                await self._look_at_feed(session)
                if now - self._machines_at >= MACHINES_EVERY_S:
                    self._machines_at = now
                    await self._look_at_machines(session)

    async def _look_at_feed(self, session: AsyncSession) -> None:
        end = (await feed.horizon(session)).end
        organizations = {listener.organization_id for listener in self._listeners}
        position = self._position
        # after a pause nobody knows what happened; each listener looks for itself
        stirred = organizations if position is None else await feed.stirred(session, organizations, position, end)
        self._position = end
        for listener in self._listeners:
            if listener.organization_id in stirred:
                listener.has_changes = True
                listener.woken.set()

    async def _look_at_machines(self, session: AsyncSession) -> None:
        wanted = {each.organization_id for each in self._listeners if each.machines is not None}
        for organization_id in wanted & self._organizations.keys():
            organization = self._organizations[organization_id]
            # nothing is awaited between what becomes known and telling it, so no news are known and never told
            for news in await present.news(session, organization_id, organization.known, datetime.now(UTC)):
                earlier = organization.newest.get(news.machine_id)
                organization.newest[news.machine_id] = news if earlier is None else merged(earlier, news)
                for listener in self._listeners:
                    if listener.organization_id == organization_id:
                        listener.tell(news)


def merged(earlier: MachineNews, later: MachineNews) -> MachineNews:
    """Return two pieces of news of one machine as one: the later state, and of each tag the later value."""
    values = {(value.gateway, value.device, value.tag): value for value in (*earlier.values, *later.values)}
    return later.model_copy(update={"values": list(values.values())})
