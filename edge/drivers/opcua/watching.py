"""Owns how each point's value is had from one server: watched by a monitored item, or read when it is due."""

from collections.abc import Sequence

import numpy as np

from edge.clock import Clock
from edge.drivers.opcua import addresses, servertimes
from edge.drivers.opcua.changes import Changes, Picks
from edge.drivers.opcua.items import MonitoredItems
from edge.drivers.opcua.plan import Item
from edge.drivers.opcua.reads import TimedReads, unknown
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session
from edge.drivers.opcua.types import Types
from shared import logs
from shared.reading import Readings, concatenate

_log = logs.get(__name__)


class Watching:
    """The points of one subscription, or of a session where the server has none.

    Attributes:
        items: Those that are watched.
        reads: Those that are read.
        picks: What is taken of arrays and structures, and whose server times are kept.
    """

    def __init__(
        self, connection: str, session: Session, subscription: int | None, bounds: Limits, clock: Clock
    ) -> None:
        """Prepare; `subscription` None where the server has none, so that everything is read."""
        self._connection = connection
        self._bounds = bounds
        self._clock = clock
        self._subscription = subscription
        self._unread: dict[int, Item] = {}
        self._told: set[int] = set()
        self._types = Types()
        self._learnt: set[int] = set()
        self._timed: list[tuple[int, int]] = []
        self.session = session
        self.items = MonitoredItems(connection, (), session, subscription or 0, bounds)
        self.reads = TimedReads()
        self.picks = Picks({}, self._types.layouts)

    @property
    def is_complete(self) -> bool:
        """Whether every point's value is had."""
        return self.items.is_complete and not self._unread

    def moved(self, session: Session) -> None:
        """Go on with another session that has the subscription."""
        self.session = self.items.session = session

    def add(self, items: Sequence[Item]) -> None:
        """Take points; `settle` asks for them."""
        watched = [item for item in items if not item.is_read and self._subscription is not None]
        self.items.add(watched)
        rest = {item.point for item in watched}
        self._unread |= {item.point: item for item in items if item.point not in rest}
        self._timed += [(item.point, item.server_time) for item in items if item.server_time is not None]
        self.picks = Picks(
            {**self.picks.by_handle, **{item.point: item.pick for item in items if item.pick is not None}},
            self._types.layouts,
            servertimes.by_point(self._timed),
        )

    async def settle(self) -> Readings:
        """Ask for every point that is missing; return bad readings for those whose refusal is new.

        Raises:
            DriverError: The session was lost.
        """
        refused = [await self.items.create_missing(self._clock.now_us())] if not self.items.is_complete else []
        unwatchable = self.items.unwatchable()
        if unwatchable:
            _log.warning(
                "the server watches no more nodes; the rest is read", connection=self._connection, tags=len(unwatchable)
            )
            self._unread |= {item.point: item for item in unwatchable}
        if self._unread:
            refused.append(await self._find_unread())
        nodes = {point: node for point, node in self.items.node_ids.items() if point not in self._learnt}
        if nodes:
            self._learnt |= nodes.keys()
            await self._types.learn(self.session, self._bounds, nodes)
        return concatenate(refused)

    async def read_due(self) -> Changes:
        """Read what is due.

        Raises:
            DriverError: The session was lost.
        """
        now = self._clock.monotonic()
        return await self.reads.due(self.session, self._bounds, now, self._clock.now_us, self.picks)

    def worded(self, readings: Readings) -> Readings:
        """Give the numbers of enumerations the words that the server has for them."""
        words = self._types.words
        if not words:
            return readings
        rows = np.flatnonzero(np.isin(readings.tag, list(words)) & np.isfinite(readings.value))
        for row in rows.tolist():
            word = words[int(readings.tag[row])].get(int(readings.value[row]))
            if word is not None:
                readings.text.setdefault(row, word)
        return readings

    async def _find_unread(self) -> Readings:
        found = await addresses.resolved(self.session, self._bounds, (item.node for item in self._unread.values()))
        nodes = {point: found[item.node] for point, item in self._unread.items() if item.node in found}
        self.items.node_ids |= nodes
        self.reads.add(
            nodes, {point: self._unread[point].sampling_ms / 1000 for point in nodes}, self._clock.monotonic()
        )
        self._unread = {point: item for point, item in self._unread.items() if point not in nodes}
        fresh = [point for point in self._unread if point not in self._told]
        self._told |= set(fresh)
        return unknown(fresh, self._clock.now_us())
