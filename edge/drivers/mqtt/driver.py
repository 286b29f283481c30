"""The MQTT driver: a broker's messages become samples, and are acknowledged once they are on disk.

From the broker (link.py) a message comes to `heard`, waits, and is decoded with all others that wait when the
station takes the next sample (decode.py); the station shapes it and gives it to the buffer. When it is on
disk the station calls `acknowledge`, and only then does the broker get its PUBACK (QoS 1).

How much may wait: `in_flight` messages or 8 MiB. When that is reached the socket is not read any more, so TCP
holds the broker back; MQTT 5 brokers do not send more than `in_flight` unacknowledged messages in the first
place (receive maximum), and most send a 3.1.1 client some tens (Mosquitto: `max_inflight_messages`). What is
held back stays in the broker's queue for our session: size that (Mosquitto: `max_queued_messages`) for the
longest standstill. A station that takes nothing for more than twice `keepalive` loses the connection, not the
session.

What comes twice: an acknowledgement that did not reach the broker makes it send the message again. While this
process lives such copies are recognised (inflight.py), but for those whose PUBACK itself was lost. After a
kill they are not: a message with a time of its own (`ts`) then becomes the same reading, which the cloud
drops; a message without one becomes a second reading with a later time. MQTT offers no cheap remedy: DUP says
"perhaps already sent", not "already received", and packet identifiers are used again for other messages.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import cast

from edge.clock import Clock
from edge.drivers.broker.inflight import InFlight, Receipt
from edge.drivers.broker.link import Link
from edge.drivers.broker.packets import Message
from edge.drivers.broker.rows import Trouble
from edge.drivers.mqtt.config import MqttConnection, MqttDevice
from edge.drivers.mqtt.decode import Counts, decode
from edge.drivers.mqtt.plan import MOST_FOUND, Plan
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import DriverError
from edge.ports import BEFORE_US, Driver, Figures, Sample, Settled
from shared.logs import get
from shared.reading import ClosedBy, Gap, GapCause, Quality, Readings, concatenate, empty, from_rows

_log = get(__name__)
# what is not read for so long may have been dropped by a broker that keeps nothing of QoS 0
_HELD_US = 1_000_000
# payloads of that many bytes may wait, whatever their number
_WAITING_BYTES = 8 * 1024 * 1024


def build(
    name: str,
    options: ConnectionOptions,
    points: Sequence[Point],
    clock: Clock,
    around: Surroundings,
) -> Driver:
    """Build the driver of one connection (DriverSpec's factory).

    Raises:
        ConfigError: Two devices' topics overlap.
    """
    return MqttDriver(name, cast("MqttConnection", options), points, clock, around.families)


class MqttDriver:
    """A session with one broker; see the module for what is promised.

    Attributes:
        counts: What was seen so far.
    """

    def __init__(
        self,
        name: str,
        options: MqttConnection,
        points: Sequence[Point],
        clock: Clock,
        families: Sequence[Point] = (),
    ) -> None:
        """Take the points; nothing connects yet."""
        self._name = name
        self._options = options
        self._clock = clock
        self._plan = Plan(name, points, families)
        # those known, and those found, of QoS 1 and 0
        self._devices: dict[str, int] = {}
        self._told_left_out = 0
        self._in_flight = InFlight()
        self._link: Link | None = None
        self._waiting: list[Message] = []
        self._waiting_bytes = 0
        # copies of what is on disk already; acknowledged at the end of the turn
        self._overdue: list[int] = []
        self._news = asyncio.Event()
        self._failure: DriverError | None = None
        self._is_finishing = False
        # when the broker's session was last known to live, and since when one that was lost did not
        self._alive_us: int | None = None
        self._lost_us: int | None = None
        # whether the present session began without what an earlier process had left
        self._is_fresh = False
        # since when nothing is read because too much waits
        self._held_us: int | None = None
        self._gaps: list[Gap] = []
        self._settled: list[Settled] = []
        # whether the topics that the broker refuses in this session were told bad
        self._told_refused = False
        self.counts = Counts()
        self._meet(points)

    def figures(self) -> Figures:
        """Return what was counted (`edge.ports.Measured`)."""
        return Figures(asdict(self.counts))

    async def open(self) -> None:
        """Connect and subscribe, within `timeout`.

        Raises:
            DriverError: The broker cannot be reached, or does not answer.
            DriverRefused: It refuses user, password, client id or every topic; or it lowers QoS 1 to 0.
        """
        await self.close()
        self._failure = None
        self._link = link = Link(self._name, self._options, self._plan.subscriptions, self, self._clock.now_us)
        try:
            await link.open()
        except BaseException:
            self._link = None
            # a copy that came already comes again with the next connection
            self._in_flight.lose_connection(())
            self._drop_waiting()
            raise
        now_us = self._clock.now_us()
        self._alive_us = now_us
        self._told_refused = False
        if self._lost_us is not None:
            since_us, self._lost_us = min(self._lost_us, now_us), None
            self._is_fresh = since_us == BEFORE_US
            self._gaps += [Gap(GapCause.BROKER_SESSION_LOST, since_us, now_us, device) for device in self._devices]
        # what the broker kept comes now, or what it lost is told
        self._settled = [Settled(device, ClosedBy.REDELIVERED) for device, qos in self._devices.items() if qos]
        self._held_us = None
        if self._is_finishing:
            link.pause()
        self._news.set()

    async def samples(self) -> AsyncIterator[Sample]:
        """Yield everything that waits as one sample, again and again.

        Raises:
            DriverError: The connection was lost, after what had arrived was yielded.
        """
        while True:
            if self._waiting or self._gaps or self._settled or self._has_refusals():
                yield self._take()
            elif self._is_finishing:
                return
            elif self._failure is not None:
                raise self._failure
            else:
                self._news.clear()
                await self._news.wait()

    def acknowledge(self, receipts: Sequence[object]) -> None:
        """Send the PUBACKs of samples that are on disk; those of a lost connection follow with their copies."""
        mids = self._in_flight.settle(cast("Sequence[Receipt]", receipts))
        if self._link is not None:
            self._link.acknowledge(mids)

    def finish(self) -> None:
        """Read no more: what was read is still yielded and may be acknowledged, the rest stays with the broker."""
        self._is_finishing = True
        if self._link is not None:
            self._link.pause()
        self._news.set()

    async def close(self) -> None:
        """Send the acknowledgements that are under way and disconnect; the broker keeps the session."""
        link, self._link = self._link, None
        if link is not None:
            # one that comes while we part is sent with the copy it will meet
            self._in_flight.lose_connection(())
            await link.close()
        self._account_for_dropped()
        self._drop_waiting()

    def greeted(self, *, session_present: bool) -> None:
        """Note whether the broker still has our session (Link's word)."""
        if not session_present:
            self._in_flight.forget()
            if self._lost_us is None:
                # of a session that an earlier process had, only the station knows the end
                self._lost_us = BEFORE_US if self._alive_us is None else self._alive_us

    def heard(self, message: Message) -> None:
        """Take a message; it waits for the station (Link's word)."""
        self.counts.messages += 1
        copied = self._in_flight.recognise(message) if message.mid else None
        if copied is not None:
            self.counts.copies += 1
            if copied.is_committed:
                self._overdue.append(message.mid)
            return
        self.counts.redelivered += message.is_dup
        self._waiting.append(message)
        self._waiting_bytes += len(message.payload or b"")
        if self._link and (len(self._waiting) >= self._options.in_flight or self._waiting_bytes >= _WAITING_BYTES):
            self._link.pause()
            self._held_us = self._held_us or self._clock.now_us()

    def turn_ended(self) -> None:
        """Wake who waits for samples (Link's word)."""
        if self._alive_us is not None and self._failure is None:
            self._alive_us = self._clock.now_us()
        if self._overdue and self._link is not None:
            overdue, self._overdue = self._overdue, []
            self._link.acknowledge(overdue)
        if self._waiting or self._has_refusals():
            self._news.set()

    def lost(self, error: DriverError) -> None:
        """Let the iteration end with this error once it has yielded what waits (Link's word)."""
        self._failure = error
        self._in_flight.lose_connection(self._waiting)
        self._news.set()

    def _take(self) -> Sample:
        messages, gaps, refusals = self._waiting, self._gaps, empty()
        if self._link is not None and self._has_refusals():
            self._told_refused, refusals = True, self._refused(self._link.refused)
        self._gaps = []
        settled, self._settled = self._settled, []
        self._drop_waiting()
        if self._link is not None and not self._is_finishing:
            gaps += self._not_kept()
            self._link.resume()
        readings = decode(messages, self._plan, self.counts)
        acknowledged = [message for message in messages if message.mid]
        found = self._plan.announce()
        new = self._meet(found)
        if self._is_fresh and self._alive_us is not None:
            # what an earlier process missed concerns who speaks only now too
            gaps += [Gap(GapCause.BROKER_SESSION_LOST, BEFORE_US, self._alive_us, device) for device in new]
        self._say_what_was_left_out()
        return Sample(
            readings=concatenate([refusals, readings]) if len(refusals) else readings,
            receipt=self._in_flight.hand_over(acknowledged) if acknowledged else None,
            gaps=gaps,
            points=found,
            settled=settled,
        )

    def _has_refusals(self) -> bool:
        """Whether the broker has refused topics that are not told yet; what it had kept may come before its word."""
        return self._link is not None and bool(self._link.refused) and not self._told_refused

    def _meet(self, points: Sequence[Point]) -> list[str]:
        """Take note of devices; return those that are new."""
        new = {
            point.device: cast("MqttDevice", point.device_options).qos
            for point in points
            if point.device not in self._devices
        }
        self._devices |= new
        return list(new)

    def _not_kept(self) -> list[Gap]:
        """Return what may be missing because nothing was read for a while: of QoS 0 a broker keeps nothing."""
        since_us, self._held_us = self._held_us, None
        now_us = self._clock.now_us()
        if since_us is None or now_us - since_us < _HELD_US:
            return []
        detail = "messages of QoS 0 could not be taken in time"
        return [
            Gap(GapCause.OVERFLOW, since_us, now_us, name, None, detail)
            for name, qos in self._devices.items()
            if not qos
        ]

    def _account_for_dropped(self) -> None:
        """Tell what had arrived and is thrown away with the session; the broker sends what is of QoS 1 again."""
        dropped = [message for message in self._waiting if not message.mid]
        self.counts.dropped += len(dropped)
        since = {route.device: m.received_us for m in reversed(dropped) for route in self._plan.routes(m.topic)}
        now_us = self._clock.now_us()
        self._gaps += [Gap(GapCause.COMMUNICATION_LOST, at_us, now_us, device) for device, at_us in since.items()]

    def _say_what_was_left_out(self) -> None:
        if self._plan.left_out and not self._told_left_out:
            _log.warning(
                "messages name more tags than can be taken, or names that cannot be kept; they are left out",
                connection=self._name,
                most=MOST_FOUND,
            )
        self._told_left_out = self._plan.left_out

    def _drop_waiting(self) -> None:
        self._waiting = []
        self._waiting_bytes = 0
        self._overdue = []

    def _refused(self, topics: Sequence[str]) -> Readings:
        """Make a bad reading for each point behind the topics that the broker refused; the others go on."""
        return self._bad([place for topic in topics for place in self._plan.behind(topic)], Trouble.NOT_SUBSCRIBED)

    def _bad(self, points: Sequence[int], trouble: Trouble) -> Readings:
        nothing = [float("nan")] * len(points)
        now_us = self._clock.now_us()
        return from_rows(points, [0] * len(points), now_us, nothing, int(Quality.BAD), status=int(trouble))
