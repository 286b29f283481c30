"""The Modbus session as the gateway drives it: polls when due, and tells what each answer amounts to.

The station iterates `samples`. The schedule says which request is due, the session asks it, `answer` judges
what came back, a `Block` decodes it, and the station gets one sample an answer: the next request goes out when
the station comes back for more, so nothing piles up here. Trouble with a unit or an address becomes readings of
quality bad (`answer.Status`) and costs the other units little (`line`); when the connection breaks, or nobody on
it answers, the session is over.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import cast

from edge.clock import Clock
from edge.drivers.modbus.config import ModbusConnection, ModbusDevice, ModbusTag
from edge.drivers.modbus.decode import Field
from edge.drivers.modbus.plan import Span, plan
from edge.drivers.modbus.poller import Poller
from edge.drivers.modbus.session import Session, quieten
from edge.drivers.spec import ConnectionOptions, Point
from edge.errors import DriverError
from edge.ports import Sample

# a driver without points still sleeps in bounded steps
_LONGEST_S = 3600.0


def build(name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock) -> "ModbusDriver":
    """Build the driver of one connection; nothing connects yet."""
    quieten()
    return ModbusDriver(name, cast("ModbusConnection", options), points, clock)


class ModbusDriver:
    """Polls the units of one Modbus connection."""

    def __init__(self, name: str, options: ModbusConnection, points: Sequence[Point], clock: Clock) -> None:
        """Plan the requests."""
        self._name = name
        self._options = options
        self._points = points
        self._clock = clock
        spans: list[Span] = []
        self._fields: list[Field] = []
        self._pauses: dict[int, float] = {}
        for place, point in enumerate(points):
            device, tag = cast("ModbusDevice", point.device_options), cast("ModbusTag", point.options)
            spans.append(device.span(place, tag, point.every_s))
            self._fields.append(tag.field(device.byte_order))
            self._pauses[device.unit] = max(device.read.pause, self._pauses.get(device.unit, 0.0))
        self._requests = plan(spans)
        self._session: Session | None = None
        self._poller: Poller | None = None
        self._missed = 0
        self._is_finishing = False
        # set while nothing is due; ends the sleep when something else happens
        self._alarm: asyncio.Timeout | None = None

    @property
    def missed(self) -> int:
        """Turns of requests that passed unasked because the line, or the station, was busy."""
        return self._missed + (self._poller.missed if self._poller else 0)

    async def open(self) -> None:
        """Connect; a session still open is ended first.

        Raises:
            DriverError: Nobody answers there within the connection's time limit.
        """
        await self.close()
        self._session = Session(self._name, self._options, self._wake)
        await self._session.open()

    async def samples(self) -> AsyncIterator[Sample]:
        """Yield one sample an answer, as each request falls due; holds none.

        Raises:
            DriverError: The connection is gone, or no unit on it answers.
        """
        session = self._session
        if session is None:
            raise DriverError(f"{self._name}: no session is open")
        self._poller = poller = self._begin(session)
        while not self._is_finishing:
            if session.is_lost:
                raise session.lost()
            poll = poller.due()
            if poll is None:
                await self._sleep(poller.idle_s())
                continue
            readings = await poller.ask(poll)
            if readings is not None:
                yield Sample(readings)
            if poller.is_dead:
                raise DriverError(
                    f"{self._name}: connected to {self._options.host}:{self._options.port}, but no unit answers "
                    f"({', '.join(map(str, sorted(self._pauses)))}); check the devices and their `unit`"
                )

    def acknowledge(self, receipts: Sequence[object]) -> None:
        """Do nothing: Modbus acknowledges nothing."""

    def finish(self) -> None:
        """End `samples` after the request in flight, whose answer is still handed over."""
        self._is_finishing = True
        if self._poller is not None:
            self._poller.is_last = True
        self._wake()

    async def close(self) -> None:
        """Disconnect."""
        if self._poller is not None:
            self._missed += self._poller.missed
            self._poller = None
        if self._session is not None:
            self._session.close()
            self._session = None

    def _begin(self, session: Session) -> Poller:
        return Poller(
            session,
            self._requests,
            self._fields,
            self._pauses,
            self._clock,
            retries=self._options.retries,
            points=self._points,
        )

    async def _sleep(self, seconds: float) -> None:
        """Sleep until something is due, or `_wake`."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None) as self._alarm:
                    await self._clock.sleep(min(seconds, _LONGEST_S))
        finally:
            self._alarm = None

    def _wake(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.reschedule(0.0)
