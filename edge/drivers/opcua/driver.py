"""Owns the OPC UA driver: from a session's notifications to samples.

The server samples its nodes, queues what changed, and answers each publish request with it; `decode` turns the
answer into columns, `holes` finds what is missing, the station takes the sample on. What this driver promises:

- **One bad node stops nothing.** It becomes a reading of quality bad and is asked for again (`items`).
- **Nothing is acknowledged before it is on disk.** A notification's receipt comes back after the commit, and its
  sequence number travels with the next publish request.
- **Nothing is dropped here.** One publish request is under way at a time, and the next one leaves when the sample was
  taken, so this driver holds at most one sample; while nobody takes, the server's queues fill, and when they overflow
  its overflow bit becomes a gap.
- **A lost session is noticed** at once where the connection closes, and otherwise when the server misses its own
  keep-alive (2 s) by the connection's time limit.

A lost session is not resumed here: `samples` raises, and the station opens a new one. asyncua can reconnect by itself
(`auto_reconnect=True`), with a transfer of its subscriptions where the server still has them and new ones where not;
but it does so for its own subscriptions only (a handler called per value, 50 times the CPU), which acknowledge before
anybody has stored, and its caller cannot tell a subscription that went on from one that was made anew with a hole
before it, nor from one that could not be made again, which is logged and forgotten. With a new session the current
values come at once, and the station knows from when to when nothing could have come, and writes that gap down.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from edge.clock import Clock
from edge.drivers.opcua import plan
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.decode import DecodeError, Notification, notification
from edge.drivers.opcua.holes import Holes
from edge.drivers.opcua.items import RETRY_S, MonitoredItems
from edge.drivers.opcua.session import Session, status_name
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import DriverError
from edge.ports import Driver, Sample
from shared import logs
from shared.reading import Readings, empty

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Receipt:
    """Names a notification of one session; a later session must not acknowledge it."""

    session: Session
    subscription: int
    sequence: int


@dataclass(slots=True)
class _Link:
    """What lives as long as a session."""

    session: Session
    subscription: plan.Subscription
    items: MonitoredItems
    holes: Holes
    refused: Readings
    renew_at: float
    retry_at: float


class OpcUaDriver:
    """Values of one OPC UA server, by subscription (see the module)."""

    def __init__(self, name: str, options: OpcUaConnection, points: Sequence[Point], clock: Clock) -> None:
        """Build a driver that is not open.

        Args:
            name: The connection's name, for messages.
            options: The connection's.
            points: Its tags; `readings.tag` and client handles index them.
            clock: Stamps readings, and paces retries.
        """
        self._name = name
        self._options = options
        self._points = points
        self._items = plan.items(points)
        self._clock = clock
        self._link: _Link | None = None
        self._acknowledged: list[tuple[int, int]] = []
        self._told: set[tuple[int, str]] = set()
        self._is_finishing = False

    async def open(self) -> None:
        """Begin a session, and watch every point that the server knows.

        Raises:
            DriverError: It could not begin. Nothing stays open.
        """
        session = Session(self._name, self._options.opcua, self._options.timeout)
        try:
            await session.begin()
            wanted = plan.subscription(self._options.publishing_interval)
            number, subscription = await session.subscribe(wanted)
            items = MonitoredItems(self._name, self._items, session, number)
            opened_us = self._clock.now_us()
            refused = await items.begin(opened_us)
        except BaseException:
            await session.end()
            raise
        if subscription.interval_ms > wanted.interval_ms + 1:
            _log.warning(
                "the server revised what was asked",
                connection=self._name,
                option="publishing_interval_ms",
                asked=wanted.interval_ms,
                got=subscription.interval_ms,
            )
        now = self._clock.monotonic()
        holes = Holes(self._points, opened_us)
        self._acknowledged.clear()
        self._link = _Link(session, subscription, items, holes, refused, now + session.renewal_s, now + RETRY_S)

    async def samples(self) -> AsyncIterator[Sample]:
        """Yield a sample a notification.

        Raises:
            DriverError: The session was lost.
        """
        link = self._link
        if link is None:
            raise DriverError(f"{self._name}: no session is open")
        if self._is_finishing:
            return
        if len(link.refused):
            yield Sample(link.refused)
        while True:
            # what was queued when the end was asked for comes with one more answer
            is_last = self._is_finishing
            notified = await self._next(link)
            if notified is None:
                return
            # a keep-alive says that nothing has changed
            yield self._sample(link, notified) if notified.has_data else Sample(empty(), is_whole=True)
            if is_last and not notified.more:
                return
            refused = await self._upkeep(link, notified.readings)
            if refused is not None:
                yield Sample(refused)

    def acknowledge(self, receipts: Sequence[object]) -> None:
        """Let the server forget these notifications: their readings are on disk."""
        session = self._link.session if self._link else None
        for receipt in receipts:
            if isinstance(receipt, _Receipt) and receipt.session is session:
                self._acknowledged.append((receipt.subscription, receipt.sequence))

    def finish(self) -> None:
        """End softly: take what the server has already sent, and return."""
        self._is_finishing = True
        if self._link is not None:
            self._link.session.finish()

    async def close(self) -> None:
        """End the session, within a second."""
        link, self._link = self._link, None
        if link is not None:
            await link.session.end()

    async def _next(self, link: _Link) -> Notification | None:
        """Ask for the next notification; None if the driver finishes and there is none."""
        acknowledged, self._acknowledged = self._acknowledged, []
        answer = await link.session.publish(acknowledged, link.subscription.silence_s)
        if answer is None:
            return None
        try:
            notified = notification(answer, len(self._points), self._clock.now_us())
        except DecodeError as error:
            raise DriverError(f"{self._name}: {self._options.opcua} sent what cannot be read: {error}") from error
        if notified.ended is not None:
            raise DriverError(
                f"{self._name}: {self._options.opcua} ended the subscription with {status_name(notified.ended)}"
            )
        return notified

    def _sample(self, link: _Link, notified: Notification) -> Sample:
        readings = notified.readings
        gaps = link.holes.found(readings, notified.sequence, self._clock.now_us())
        for gap in gaps:
            _log.warning("readings are missing", connection=self._name, device=gap.device, tag=gap.tag, why=gap.detail)
        for point, reason in notified.unsupported:
            if (point, reason) not in self._told:
                self._told.add((point, reason))
                _log.error("a node cannot be read", connection=self._name, node=self._items[point].node, why=reason)
        return Sample(
            readings, _Receipt(link.session, notified.subscription, notified.sequence), gaps, not notified.more
        )

    async def _upkeep(self, link: _Link, readings: Readings) -> Readings | None:
        """Do what fell due since the last notification; at least every keep-alive there is one.

        Returns:
            Bad readings for nodes that the server newly refuses, or None.
        """
        now = self._clock.monotonic()
        if now >= link.renew_at:
            await link.session.renew()
            link.renew_at = now + link.session.renewal_s
        await link.items.forget_gone(readings)
        if link.items.is_complete:
            link.retry_at = now + RETRY_S
        elif now >= link.retry_at:
            link.retry_at = now + RETRY_S
            refused = await link.items.create_missing(self._clock.now_us())
            return refused if len(refused) else None
        return None


def build(
    name: str,
    options: ConnectionOptions,
    points: Sequence[Point],
    clock: Clock,
    around: Surroundings,  # noqa: ARG001 - nothing of it is needed
) -> Driver:
    """Build the driver of one connection; the factory of `SPEC`."""
    if not isinstance(options, OpcUaConnection):
        raise TypeError(f"{name}: {options!r} is no OPC UA connection")
    return OpcUaDriver(name, options, points, clock)
