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
- **A cut leaves no silent gap.** `samples` raises, and the next `open` takes session and subscription back: what the
  server queued meanwhile comes, and what was on its way is asked for again (Republish), each once. Where the server
  kept nothing, a new subscription says what holds now; what may have been before that is read from its history where
  it keeps one, and is a gap where not (`recovery`). A server at rest has missed nothing.

asyncua can reconnect by itself (`auto_reconnect=True`), but for its own subscriptions only (a handler called per value,
50 times the CPU), which acknowledge before anybody has stored, and its caller cannot tell a subscription that went on
from one that was made anew with a hole before it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from edge.clock import Clock
from edge.drivers.opcua import plan, services
from edge.drivers.opcua.access import Access
from edge.drivers.opcua.advice import asked
from edge.drivers.opcua.changes import Picks
from edge.drivers.opcua.config import Backfill, NodeOptions, OpcUaConnection, Reading
from edge.drivers.opcua.decode import DecodeError, Notification, notification, republished
from edge.drivers.opcua.discovery import Discovery
from edge.drivers.opcua.items import RETRY_S
from edge.drivers.opcua.link import LOOK_S, Link
from edge.drivers.opcua.recovery import Recovery
from edge.drivers.opcua.servertimes import ServerTimes
from edge.drivers.opcua.session import Session, status_name
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import DriverError, DriverRefused
from edge.ports import Driver, Sample, Tense
from shared import logs
from shared.reading import Gap, Readings, concatenate, empty

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Receipt:
    """Names a notification of one subscription; a later subscription must not acknowledge it."""

    link: Link
    sequence: int


class OpcUaDriver:
    """Values of one OPC UA server, by subscription (see the module)."""

    def __init__(
        self, name: str, options: OpcUaConnection, points: Sequence[Point], clock: Clock, around: Surroundings
    ) -> None:
        """Build a driver that is not open.

        Args:
            name: The connection's name, for messages.
            options: The connection's.
            points: Its tags; `readings.tag` and client handles index them.
            clock: Stamps readings, and paces retries.
            around: The state directory, and since when the gateway was down.
        """
        self._name = name
        self._options = options
        self._points = list(points)
        self._discovery = Discovery(name, points, around.families)
        self._times = ServerTimes(is_wanted=options.server_time)
        # points that the station is to hear of
        self._found = self._times.extend(self._points)
        self._items = {place: self._item(place, point) for place, point in enumerate(points)}
        self._subscribes = any(not item.is_read for item in self._items.values()) or any(
            isinstance(family.options, NodeOptions) and family.options.mode is not Reading.READ
            for family in around.families
        )
        self._clock = clock
        self._access = Access(name, options, around.state, clock)
        self._recovery = Recovery(options, self._points, clock, around.down_since_us)
        self._link: Link | None = None
        self._parked: Link | None = None
        self._refused = empty()
        self._acknowledged: list[tuple[int, int]] = []
        self._told: set[tuple[int, str]] = set()
        self._is_finishing = False

    async def open(self) -> None:
        """Begin a session, or take the last one back, and watch every point that the server knows.

        Raises:
            DriverError: It could not begin. Nothing stays open.
        """
        options, parked = self._options, self._parked
        session = Session(self._name, options.opcua, options.timeout, self._access, options.survive_outage)
        try:
            is_back = await session.begin(parked.session.kept if parked else None)
            self._parked = None
            if parked is not None and await self._is_kept(parked, session, is_back=is_back):
                self._link = parked
                return
            link = await Link.fresh(
                session,
                options,
                self._points,
                self._clock,
                asked(options, self._points),
                subscribes=self._subscribes,
                browses=bool(self._discovery),
            )
            link.watching.add(list(self._items.values()))
            await self._look(link)
            await self._recovery.begins_anew(session)
            self._refused = await link.watching.settle()
        except BaseException:
            if self._parked is not None:
                # it may still be had by the next attempt
                session.drop()
            else:
                await session.end()
            raise
        self._acknowledged.clear()
        self._link = link

    async def samples(self) -> AsyncIterator[Sample]:
        """Yield a sample a notification, and more where something was missed.

        Raises:
            DriverError: The session was lost.
        """
        async with aclosing(self._taken()) as samples:
            async for sample in samples:
                yield self._times.told(sample)

    async def _taken(self) -> AsyncGenerator[Sample]:
        link = self._link
        if link is None:
            raise DriverError(f"{self._name}: no session is open")
        if self._is_finishing:
            return
        try:
            while True:
                if len(self._refused) or self._found or link.watching.items.returned:
                    yield self._sudden(link)
                # what was queued when the end was asked for comes with one more answer
                is_last = self._is_finishing
                notified = await self._next(link)
                if notified is None:
                    if self._is_finishing:
                        return
                    async for sample in self._samples_read(link):
                        yield sample
                    continue
                async for sample in self._samples_of(link, notified):
                    yield sample
                if is_last and not notified.more:
                    return
                await self._upkeep(link, notified)
        except DriverRefused:
            raise
        except DriverError:
            self._park(link)
            raise

    def acknowledge(self, receipts: Sequence[object]) -> None:
        """Let the server forget these notifications: their readings are on disk."""
        link = self._link or self._parked
        for receipt in receipts:
            if isinstance(receipt, _Receipt) and receipt.link is link:
                self._acknowledged.append((link.number or 0, receipt.sequence))

    def finish(self) -> None:
        """End softly: take what the server has already sent, and return."""
        self._is_finishing = True
        if self._link is not None:
            self._link.session.finish()

    async def close(self) -> None:
        """End the session, within a second; one that was lost is left for the next `open` to take back."""
        link, self._link = self._link, None
        if link is None:
            return
        self._recovery.lost(link.holes.heard_us)
        if link is not self._parked:
            await link.session.end()

    async def _is_kept(self, parked: Link, session: Session, *, is_back: bool) -> bool:
        """Take a subscription along to a session that has begun; return whether the server kept it."""
        if is_back:
            parked.goes_on(session, self._clock)
        elif not await parked.moved(session, self._clock):
            return False
        by = "session" if is_back else "transfer"
        _log.info("the server kept the subscription", connection=self._name, by=by)
        return True

    def _park(self, link: Link) -> None:
        """Leave session and subscription with the server, to be taken back; one that it ended is gone."""
        is_of_use = not (link.is_ended or self._recovery.is_interrupted)
        if self._options.backfill is not Backfill.NONE and not self._is_finishing and is_of_use:
            self._parked = link
            link.session.drop()

    def _sudden(self, link: Link) -> Sample:
        """Return what came up besides: points that were found, nodes that the server newly refuses, or has again."""
        refused, self._refused = self._refused, empty()
        found, self._found = self._found, []
        gaps = link.holes.returned(link.watching.items.returned, self._clock.now_us())
        link.watching.items.returned.clear()
        return Sample(refused, gaps=gaps, points=found)

    async def _next(self, link: Link) -> Notification | None:
        """Wait for the next notification; None if something is to be read, or the driver finishes and there is none."""
        wait_s = link.watching.reads.wait_s(self._clock.monotonic())
        if link.number is None:
            await link.session.pause(RETRY_S if wait_s is None else wait_s)
            return None
        if not link.session.is_publishing:
            acknowledged, self._acknowledged = self._acknowledged, []
            link.session.publish(acknowledged)
        answer = await link.session.answer(link.subscription.silence_s, wait_s)
        if answer is None:
            return None
        notified = self._decoded(notification, link, answer)
        if notified.ended is not None:
            link.is_ended = True
            raise DriverError(
                f"{self._name}: {self._options.opcua} ended the subscription with {status_name(notified.ended)}"
            )
        return notified

    async def _samples_read(self, link: Link) -> AsyncIterator[Sample]:
        """Yield what is read when it is due, and do what fell due besides where no notification would."""
        try:
            read = await link.watching.read_due()
            readings = link.watching.worded(read.readings)
        except DecodeError as error:
            raise DriverError(f"{self._name}: {self._options.opcua} sent what cannot be read: {error}") from error
        if len(readings):
            async for sample in self._recovery.before(link, readings):
                yield sample
            news, gaps = self._recovery.rest
            news = self._noted(news, read.beside)
            settled = self._recovery.take_settled()
            yield Sample(news, gaps=gaps, is_whole=link.number is None, settled=settled)
        if link.number is None:
            link.holes.heard_us = self._clock.now_us()
            await self._upkeep(link, None)

    def _decoded(
        self, decode: Callable[[bytes, int, int, Picks], Notification], link: Link, answer: bytes
    ) -> Notification:
        try:
            notified = decode(answer, len(self._points), self._clock.now_us(), link.watching.picks)
            return replace(notified, readings=link.watching.worded(notified.readings))
        except DecodeError as error:
            raise DriverError(f"{self._name}: {self._options.opcua} sent what cannot be read: {error}") from error

    async def _samples_of(self, link: Link, notified: Notification) -> AsyncIterator[Sample]:
        """Yield what a notification says, behind those that should have come before it and did not."""
        for sequence in link.holes.missing(notified.sequence):
            assert link.number is not None  # noqa: S101 - somebody notified
            answer = await services.republish(link.session, link.number, sequence)
            again = self._decoded(republished, link, answer) if answer is not None else None
            if again is not None and again.sequence == sequence and again.has_data:
                yield self._sample(link, replace(again, more=True), self._tense(link))
        tense = self._tense(link)
        if not notified.has_data:
            # a keep-alive says that nothing has changed
            link.holes.heard_us = self._clock.now_us()
            self._recovery.quiet()
            yield Sample(empty(), is_whole=tense is Tense.NOW, settled=self._recovery.take_settled())
        else:
            async for sample in self._recovery.before(link, notified.readings):
                yield sample
            news, gaps = self._recovery.rest
            yield self._sample(link, replace(notified, readings=news), tense, gaps)
        if tense is Tense.PAST and not notified.more:
            link.is_catching_up = False
            # a point that did not change has no notification to say that it is good again
            settled = self._recovery.kept_by_server()
            yield Sample(self._recovery.last.all(), is_whole=True, tense=Tense.AGAIN, settled=settled)

    @staticmethod
    def _tense(link: Link) -> Tense:
        return Tense.PAST if link.is_catching_up else Tense.NOW

    def _sample(self, link: Link, notified: Notification, tense: Tense, before: Sequence[Gap] = ()) -> Sample:
        readings = notified.readings
        gaps = [*before, *link.holes.found(readings, notified.sequence, self._clock.now_us())]
        for gap in gaps:
            _log.warning("readings are missing", connection=self._name, device=gap.device, tag=gap.tag, why=gap.detail)
        for point, reason in notified.unsupported:
            if (point, reason) not in self._told:
                self._told.add((point, reason))
                _log.error("a node cannot be read", connection=self._name, node=self._items[point].node, why=reason)
        readings = self._noted(readings, notified.beside)
        is_whole = not notified.more and tense is Tense.NOW
        settled = self._recovery.take_settled()
        return Sample(readings, _Receipt(link, notified.sequence), gaps, is_whole, tense=tense, settled=settled)

    def _noted(self, news: Readings, beside: Readings | None) -> Readings:
        """Take note of readings, and of the server times beside them; return them together."""
        readings = news if beside is None else concatenate([news, beside])
        self._recovery.last.note(readings)
        return readings

    async def _upkeep(self, link: Link, notified: Notification | None) -> None:
        """Do what fell due since the last notification; at least every keep-alive there is one."""
        now = self._clock.monotonic()
        if now >= link.renew_at:
            await link.session.renew()
            link.renew_at = now + link.session.renewal_s
        if notified is not None:
            await link.watching.items.forget_gone(notified.readings)
            if notified.has_event:
                await self._check_namespaces(link)
                link.look_at = now
        if now >= link.look_at:
            link.look_at = now + LOOK_S
            if await self._look(link):
                link.retry_at = now
        if link.watching.is_complete:
            link.retry_at = now + RETRY_S
        elif now >= link.retry_at:
            link.retry_at = now + RETRY_S
            self._refused = await link.watching.settle()

    async def _check_namespaces(self, link: Link) -> None:
        """Begin anew when namespaces have other indexes than those with which nodes were asked for."""
        present = await services.namespaces(link.session)
        if present[: len(link.namespaces)] != list(link.namespaces):
            link.is_ended = True
            raise DriverError(
                f"{self._name}: {self._options.opcua} has changed its namespaces; nodes are asked for anew"
            )

    async def _look(self, link: Link) -> bool:
        """Look for tags that were not there before; return whether there are any."""
        found = await self._discovery.look(link.session, link.bounds) if self._discovery else []
        if found:
            first = len(self._points)
            self._points += found
            times = self._times.extend(self._points, first)
            self._recovery.last.extend(len(found) + len(times))
            items = {first + at: self._item(first + at, point) for at, point in enumerate(found)}
            self._items |= items
            self._found += [*found, *times]
            link.watching.add(list(items.values()))
        return bool(found)

    def _item(self, place: int, point: Point) -> plan.Item:
        return plan.item(place, point, self._options.survive_outage, self._times.place(place))


def build(name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings) -> Driver:
    """Build the driver of one connection; the factory of `SPEC`."""
    if not isinstance(options, OpcUaConnection):
        raise TypeError(f"{name}: {options!r} is no OPC UA connection")
    return OpcUaDriver(name, options, points, clock, around)
