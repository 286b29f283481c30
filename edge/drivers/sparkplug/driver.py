"""The Sparkplug driver: a host application whose nodes' births, data and deaths become samples.

From the broker (edge/drivers/broker/link.py) a message comes to `heard`, waits, and is understood with all others that
wait when the station takes the next sample (decode.py, nodes.py). Every session begins anew (clean), as Sparkplug wants
it of a host: what nodes say while nobody listens is lost, unless they have us for their primary host and keep it. So
the station's gaps stand, and a value of before comes again with its own time, from a node that kept it.

What is not understood (no birth was heard, a number is missing) is a gap, and the node is asked for its birth
(asking.py). A node that dies takes its devices with it: their tags are bad from then on, and the time until they are
born again is a gap.

How much may wait: `in_flight` messages or 8 MiB; beyond that the socket is not read, and TCP holds the broker back. A
broker drops what of QoS 0 it cannot deliver, which shows in the nodes' numbering.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import cast

from edge.clock import Clock
from edge.drivers.broker.link import Link
from edge.drivers.broker.packets import Message
from edge.drivers.sparkplug.asking import Asking
from edge.drivers.sparkplug.config import SparkplugConnection
from edge.drivers.sparkplug.decode import Counts, Decoder
from edge.drivers.sparkplug.nodes import Source
from edge.drivers.sparkplug.payload import rebirth_command
from edge.drivers.sparkplug.plan import MOST_FOUND, NAMESPACE, Plan
from edge.drivers.sparkplug.presence import Presence, presence
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import DriverError
from edge.ports import Driver, Figures, Sample
from shared.logs import get
from shared.reading import empty

_log = get(__name__)
# payloads of that many bytes may wait, whatever their number
_WAITING_BYTES = 8 * 1024 * 1024


def build(name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings) -> Driver:
    """Build the driver of one connection (DriverSpec's factory)."""
    return SparkplugDriver(name, cast("SparkplugConnection", options), points, clock, around.families)


class SparkplugDriver:
    """A session with one broker as a host application; see the module for what is promised."""

    def __init__(
        self,
        name: str,
        options: SparkplugConnection,
        points: Sequence[Point],
        clock: Clock,
        families: Sequence[Point] = (),
    ) -> None:
        """Take the points; nothing connects yet."""
        self._name = name
        self._options = options
        self._clock = clock
        self._plan = Plan(points, families)
        self._decoder = Decoder(self._plan)
        self._asking = Asking(options.rebirth.every, options.rebirth.pace)
        self._timer: asyncio.TimerHandle | None = None
        self._link: Link | None = None
        self._presence: Presence | None = None
        self._waiting: list[Message] = []
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._failure: DriverError | None = None
        self._is_finishing = self._is_finished = False
        self._has_told_left_out = False

    @property
    def counts(self) -> Counts:
        """What was seen so far."""
        return self._decoder.counts

    def figures(self) -> Figures:
        """Return what was counted (`edge.ports.Measured`)."""
        return Figures(asdict(self.counts))

    async def open(self) -> None:
        """Connect, subscribe, say that we are here, and ask the nodes that the configuration names for their births.

        Raises:
            DriverError: The broker cannot be reached, or does not answer.
            DriverRefused: It refuses user, password, client id, topics, or our certificate.
        """
        await self.close()
        self._failure = None
        options = self._options
        topics = self._plan.subscriptions()
        will = None
        if options.host_id is not None:
            said = self._presence = presence(options.host_id, options.state, self._clock.now_us() // 1000)
            will = said.will
            if f"{NAMESPACE}/#" not in topics or not said.topic.startswith(NAMESPACE):
                topics[said.topic] = 1
        self._link = link = Link(self._name, options, topics, self, self._clock.now_us, will)
        try:
            await link.open()
        except BaseException:
            self._link = None
            self._drop_waiting()
            raise
        self._say_presence()
        now_s = self._clock.monotonic()
        for node in dict.fromkeys((*self._plan.named_nodes(), *self._decoder.nodes.unborn())):
            self._asking.want(node, now_s)
        self._ask()
        if self._is_finishing:
            link.pause()
        self._news.set()

    async def samples(self) -> AsyncIterator[Sample]:
        """Yield everything that waits as one sample, again and again.

        Raises:
            DriverError: The connection was lost, after what had arrived was yielded.
        """
        while True:
            if self._waiting:
                yield self._take()
            elif self._is_finishing:
                last = self._decoder.gaps_of_absent(self._clock.now_us())
                if last and not self._is_finished:
                    self._is_finished = True
                    yield Sample(empty(), gaps=last)
                return
            elif self._failure is not None:
                raise self._failure
            else:
                self._news.clear()
                await self._news.wait()

    def acknowledge(self, receipts: Sequence[object]) -> None:
        """Send the PUBACKs of samples that are on disk; those of a lost connection mean nothing any more."""
        for link, mids in cast("Sequence[tuple[Link, list[int]]]", receipts):
            if link is self._link:
                link.acknowledge(mids)

    def finish(self) -> None:
        """Read no more: what was read is still yielded."""
        self._is_finishing = True
        if self._link is not None:
            self._link.pause()
        self._news.set()

    async def close(self) -> None:
        """Say that we are gone, and disconnect."""
        link, self._link = self._link, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if link is not None:
            if self._presence is not None:
                link.publish(self._presence.topic, self._presence.gone, 1, is_retained=True)
            await link.close()
            self._decoder.nodes.lose_sight()
            self._asking.forget()
        self._presence = None
        self._drop_waiting()

    def greeted(self, *, session_present: bool) -> None:
        """Take note that the broker let us in (Link's word); a session is always new."""

    def heard(self, message: Message) -> None:
        """Take a message; it waits for the station (Link's word)."""
        if self._presence is not None and self._presence.denies(message.topic, message.payload):
            # an earlier session's will, published late; nodes must not believe it (Sparkplug 3.0, 5.2.2)
            self._say_presence()
        self._waiting.append(message)
        self._waiting_bytes += len(message.payload or b"")
        if self._link and (len(self._waiting) >= self._options.in_flight or self._waiting_bytes >= _WAITING_BYTES):
            self._link.pause()

    def turn_ended(self) -> None:
        """Wake who waits for samples (Link's word)."""
        if self._waiting:
            self._news.set()

    def lost(self, error: DriverError) -> None:
        """Let the iteration end with this error once it has yielded what waits (Link's word)."""
        self._failure = error
        self._news.set()

    def _take(self) -> Sample:
        messages = self._waiting
        self._drop_waiting()
        if self._link is not None and not self._is_finishing:
            self._link.resume()
        heard = self._decoder.decode(messages)
        now_s = self._clock.monotonic()
        for node in heard.born:
            self._asking.born(node)
        for node in heard.wanted:
            self._asking.want(node, now_s)
        if heard.wanted:
            self._ask()
        mids = [message.mid for message in messages if message.mid]
        receipt = (self._link, mids) if mids and self._link is not None else None
        found = self._plan.announce()
        if self._plan.left_out and not self._has_told_left_out:
            self._has_told_left_out = True
            _log.warning(
                "births name more metrics than can be taken, or names that cannot be kept; they are left out",
                connection=self._name,
                most=MOST_FOUND,
            )
        return Sample(heard.readings, receipt, heard.gaps, points=found)

    def _ask(self) -> None:
        """Ask the node that is due for its birth, and come back for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_s = self._clock.monotonic()
        node = self._asking.due(now_s)
        if node is not None and self._link is not None:
            self._ask_one(node, self._link)
        due_s = self._asking.due_in_s(now_s)
        if due_s is not None and self._link is not None and self._failure is None:
            self._timer = asyncio.get_running_loop().call_later(due_s + 0.001, self._ask)

    def _ask_one(self, node: Source, link: Link) -> None:
        self.counts.rebirths += 1
        payload = rebirth_command(self._clock.now_us() // 1000)
        link.publish(f"{NAMESPACE}/{node.group}/NCMD/{node.node}", payload, 0)
        _log.info("asked a node for its birth", connection=self._name, group=node.group, node=node.node)

    def _say_presence(self) -> None:
        if self._presence is not None and self._link is not None:
            self._link.publish(self._presence.topic, self._presence.here, 1, is_retained=True)

    def _drop_waiting(self) -> None:
        self._waiting = []
        self._waiting_bytes = 0
