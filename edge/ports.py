"""The gateway's three ports: Driver (readings in), Buffer (readings kept), Uplink (batches out)."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from shared.reading import ClosedBy, Gap, Readings, Tag
from shared.wire.batch import BatchId
from shared.wire.lane import Lane
from shared.wire.receipt import Receipt

# the destination that `cloud` of the configuration is
FIRST = "cloud"
# where a gap begins whose begin a driver cannot know
BEFORE_US = 0


class NewPoint(Protocol):
    """A point that a driver found while it ran: always an `edge.drivers.spec.Point`, which stands a floor above."""

    @property
    def device(self) -> str:
        """Its device."""
        ...

    @property
    def name(self) -> str:
        """Its name within the device."""
        ...


class Tense(StrEnum):
    """Which time a sample speaks of.

    `now`: what holds, or has just held. `past`: what was missed and is had after all; it says nothing of now. `again`:
    what was handed over before and still holds; it is stored once more only where a point was told bad meanwhile.
    """

    NOW = "now"
    PAST = "past"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Settled:
    """A driver's word that it is known what a device missed in the last outage.

    All of it came or nothing was missed, but for what gaps tell; only of devices whose source keeps what we miss.

    Attributes:
        device: Its name.
        by: What brought it; None if nothing can be had, so that what was missed stays missing.
        tag: The tag alone that is settled; None for all of the device.
        waiting: Tags of the device of which it is not known yet; each is settled by itself later.
    """

    device: str
    by: ClosedBy | None
    tag: str | None = None
    waiting: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What a driver hands over: raw values in columns, plus what must be said to the source after commit.

    Attributes:
        readings: `readings.tag` indexes the list of points that the driver was built with. Values are
            as decoded: not scaled, not filtered. A point that could not be read is a row of quality
            bad with value NaN and the protocol's code.
        receipt: Given back to `Driver.acknowledge` once the readings are on disk; None where the
            protocol acknowledges nothing.
        gaps: Holes that the driver noticed (an overflow bit, a lost broker session); one that begins at
            `BEFORE_US` began before this driver lived, and the station knows when.
        is_whole: All that the connection's devices had to say until now is said; points without a row are as
            they were. A sample of no rows may say just that.
        points: What the driver found since its last sample and did not have before: a device behind a wildcard, a
            node that grew on a server. They are added at the end of the list that the driver was built with, in this
            order, and keep their places for the driver's life, over a lost session too; rows of this sample may name
            them already. A point is announced once, and never more in all than a bound that the driver documents:
            what is found beyond it is told in its log and left out.
        settled: Of which devices it is known now what they missed in the last outage; beside the gaps that stay.
    """

    readings: Readings
    receipt: object | None = None
    gaps: Sequence[Gap] = ()
    is_whole: bool = False
    points: Sequence[NewPoint] = ()
    tense: Tense = Tense.NOW
    settled: Sequence[Settled] = ()


class Driver(Protocol):
    """One session with one connection: an OPC UA server, a Modbus line, an MQTT broker.

    The station owns it: it calls `open`, iterates `samples` until that raises, then `close`, and
    begins again with back-off. A driver never retries a lost session by itself unless its library
    resumes it without loss; trouble with one device on the connection is told as bad quality.
    """

    async def open(self) -> None:
        """Begin the session, with a time limit.

        Raises:
            DriverError: It could not begin. Nothing stays open.
        """
        ...

    def samples(self) -> AsyncIterator[Sample]:
        """Yield what arrives, until cancelled; it holds a bounded number of samples not yet taken.

        Raises:
            DriverError: The session was lost; the station decides when to open it again.
        """
        ...

    def acknowledge(self, receipts: Sequence[object]) -> None:
        """Tell the source that these samples are on disk; called in order, on the loop, must not block."""
        ...

    def finish(self) -> None:
        """End softly, and for good: `samples` yields what was already received or is in flight, then returns.

        Called on the loop at a graceful stop, so that nothing the source was told or gave is thrown away; the
        iteration ends within the driver's own time limits. Samples of a later session end at once.
        """
        ...

    async def close(self) -> None:
        """End the session, bounded in time; never raises, may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How a polled device is served: the period that was asked for and the one it gets, seconds.

    Of several periods the one that is missed by most is told.
    """

    device: str
    planned_s: float
    actual_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What only a driver knows of its connection, since the daemon's start.

    Attributes:
        events: How often something happened that an operator may want to count, by the driver's word for it.
        busy_s: How long the line was taken; 0 where that means nothing.
        paces: The pace of each device; empty where nothing is polled.
    """

    events: Mapping[str, int]
    busy_s: float = 0.0
    paces: Sequence[Pace] = ()


@runtime_checkable
class Measured(Protocol):
    """A driver that has figures; not every driver need."""

    def figures(self) -> Figures:
        """Return them; called at any time."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """A sealed batch on loan to the shipper: its identity and the very bytes to send."""

    id: BatchId
    body: bytes
    rows: int
    sealed_us: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one destination is still owed at one instant: its readings, the oldest, and what it got since the start."""

    batches: int = 0
    rows: int = 0
    oldest_us: int | None = None
    settled: int = 0


@dataclass(frozen=True, slots=True)
class BufferStats:
    """The buffer at one instant; `settled` is of the first destination, `backlogs` of each by name.

    `oldest_us`: receive time of its oldest reading, None when empty. `growth_bytes_s`: how fast it would fill if the
    cloud took nothing, None while that is not known.
    """

    appended: int = 0
    committed: int = 0
    settled: int = 0
    batches: int = 0
    rows: int = 0
    quarantined: int = 0
    bytes: int = 0
    max_bytes: int = 0
    oldest_us: int | None = None
    commits: int = 0
    last_commit_us: int | None = None
    epoch: str = ""
    failure: str | None = field(default=None)
    growth_bytes_s: float | None = None
    backlogs: Mapping[str, Backlog] = field(default_factory=dict)

    @property
    def retention_s(self) -> float | None:
        """How long an outage it holds at the present rate, from empty to full; None while that is not known."""
        return self.max_bytes / self.growth_bytes_s if self.growth_bytes_s else None

    @property
    def left_s(self) -> float | None:
        """How long until it is full if the cloud takes nothing from now on; None while that is not known."""
        return max(self.max_bytes - self.bytes, 0) / self.growth_bytes_s if self.growth_bytes_s else None


class Lender(Protocol):
    """Sealed batches for one destination, each lent until it is settled or given back."""

    async def lease(self, *, live: bool, wait: bool = True) -> Lease | None:
        """Lend a batch that nobody holds: the oldest of the most urgent lane (`state`, `process`, `debug`).

        If `live`, rather the newest of the last 10 s, again of the most urgent lane that has one.
        Waits until there is one; None once the buffer is closed, or if there is none and it was not to wait.
        A batch is lent to one holder at a time.
        """
        ...

    async def settle(self, id: BatchId) -> None:
        """The cloud has it: forget it, durably."""
        ...

    async def give_back(self, id: BatchId, *, refused: str | None = None, is_whole: bool = False) -> None:
        """Return a lease unsent, or refused by the cloud.

        A refused batch is divided: its parts are new batches, under numbers of their own, to be leased and refused
        again until what is at fault stands alone. That is set aside for good with the reason, and told as a gap.

        Args:
            id: Whose lease.
            refused: The cloud's reason, if it will never take this batch.
            is_whole: It refuses its identity, which it knows for another content, and not a reading in it. The batch
                goes on under another one; if that is refused as well, it is set aside undivided.
        """
        ...


class Buffer(Lender, Protocol):
    """Readings between source and cloud: on disk before anybody hears that they were taken.

    `append` puts rows into the open tail of their tag's lane, all lanes in one commit within 50 ms (2 ms if prompt); a
    tail is sealed into a batch, encoded once as wire body, when it is large or old enough. A sealed
    batch is leased, sent, and settled (gone) or returned (to be leased again). A lane numbers its batches by itself.
    """

    def register(self, tags: Sequence[Tag], lanes: Sequence[Lane] = ()) -> list[int]:
        """Return the lasting id of each tag, new ones made durable; ids are what `append` expects in `readings.tag`.

        `lanes` says in which lane the readings of each stand from now on; it is not durable. Empty: as they were,
        and `process` for a tag that was never told.
        """
        ...

    async def append(
        self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
    ) -> "asyncio.Future[None]":
        """Take rows; waits while too many are uncommitted (back-pressure), then returns the promise of their commit.

        Args:
            readings: Rows, with ids from `register` in `tag`.
            gaps: Holes to be recorded with the same durability; they travel in the lane `state`.
            prompt: Somebody waits for the commit (an acknowledgement): commit within 2 ms.

        Raises:
            BufferFull: The size cap is reached and nothing was taken.
            BufferError: Closed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sign:
    """What a gateway says of itself with a sign of life.

    Attributes:
        waiting: Readings in its buffer.
        buffer_bytes: The buffer's size on disk.
        oldest_us: Receive time of the oldest of them, UTC microseconds; None if none waits.
        sent_us: Its wall clock, however wrong that is; None leaves it out.
        device_skews_s: How far devices' clocks are ahead of its own, seconds; of those that tell their time.
    """

    waiting: int
    buffer_bytes: int | None = None
    oldest_us: int | None = None
    sent_us: int | None = None
    device_skews_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Orders:
    """What the cloud wants of a gateway, as its answer to a sign of life says.

    Attributes:
        configuration: The version of the newest configuration that was set for it; None if none was.
        is_to_rotate: It is to renew its token.
    """

    configuration: int | None = None
    is_to_rotate: bool = False


class Uplink(Protocol):
    """The way to the cloud: one batch, one receipt."""

    async def send(self, lease: Lease) -> Receipt:
        """Bring one batch to the cloud within a total deadline; returns once it is committed there.

        Raises:
            Unreachable, Unauthorized, BatchRefused: see edge.errors; the shipper decides what follows.
        """
        ...

    async def greet(self, sign: Sign) -> Orders:
        """Tell the cloud that this gateway lives and how it is; returns what it is to do.

        Raises:
            Unreachable, Unauthorized: as `send`.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
