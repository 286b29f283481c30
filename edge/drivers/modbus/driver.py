"""The Modbus session as the gateway drives it: polls when due, and tells what each answer amounts to.

The station opens a session, which begins once somebody on the line has answered, and iterates `samples`. The
schedule says which request is due, the session asks it, `answer` judges what came back, a `Block` decodes it, and the
station gets one sample an answer, or on a busy line a `Bundle` of them: the next request goes out when the station
comes back for more, so nothing piles up here. Trouble with a unit or an address becomes readings of quality bad
(`answer.Status`) and costs the other units little (`line`); when the connection breaks, or nobody on it answers any
more, the session is over.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import cast

from edge.clock import Clock
from edge.drivers.modbus.asked import fields_of, pauses_of, spans_of
from edge.drivers.modbus.budget import budget_of, overload, stretched
from edge.drivers.modbus.bundle import Bundle
from edge.drivers.modbus.connection import ModbusConnection
from edge.drivers.modbus.memory import Memory
from edge.drivers.modbus.plan import plan
from edge.drivers.modbus.poller import Poller, Tally
from edge.drivers.modbus.refusals import Refusals
from edge.drivers.modbus.session import Session, quieten
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import ConfigError, DriverError
from edge.ports import Figures, Sample
from shared import logs
from shared.reading import Readings

_log = logs.get(__name__)
# a driver without points still sleeps in bounded steps
_LONGEST_S = 3600.0


def build(
    name: str,
    options: ConnectionOptions,
    points: Sequence[Point],
    clock: Clock,
    around: Surroundings,
) -> "ModbusDriver":
    """Build the driver of one connection; nothing connects yet."""
    quieten()
    line = cast("ModbusConnection", options)
    return ModbusDriver(name, line, points, clock, Memory(around.state, name, line.place))


class ModbusDriver:
    """Polls the units of one Modbus connection."""

    def __init__(
        self, name: str, options: ModbusConnection, points: Sequence[Point], clock: Clock, memory: Memory
    ) -> None:
        """Plan the requests.

        Raises:
            ConfigError: A point has no period.
        """
        for point in points:
            if point.every_s <= 0:
                raise ConfigError(f"{point.device}.{point.name}: Modbus is polled; give `every` a period, such as 1s")
        self._name = name
        self._options = options
        self._points = points
        self._clock = clock
        self._memory = memory
        # what `open` learned until somebody answered, for `samples` to hand over: an answer, and who gave none before
        self._first: list[Readings] = []
        self._fields = fields_of(points)
        self._pauses = pauses_of(points)
        self._requests = plan(stretched(spans_of(points), self._factor()))
        self._refusals = Refusals(memory.read(clock.now_us()))
        self._kept = self._refusals.lasting
        self._tally = Tally()
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

    def figures(self) -> Figures:
        """Return what was counted (`edge.ports.Measured`)."""
        events = {**self._tally.events, "turn_missed": self.missed}
        return Figures(events, self._tally.busy_s, self._poller.paces() if self._poller else ())

    async def open(self) -> None:
        """Connect, and ask until somebody answers: a gateway in front of dead devices is no session.

        A session still open is ended first.

        Raises:
            DriverError: The server does not take the connection within its time limit, or no unit answers within its.
        """
        await self.close()
        self._session = session = Session(self._name, self._options, self._wake, self._clock, self._tally.events)
        await session.open()
        self._poller = poller = self._begin(session)
        try:
            while not (poller.is_heard or poller.is_dead or self._is_finishing) and (poll := poller.due()):
                if (readings := await poller.ask(poll)) is not None:
                    self._first.append(readings)
            if self._points and not (poller.is_heard or self._is_finishing):
                raise self._nobody()
        except DriverError:
            await self.close()
            raise

    async def samples(self) -> AsyncIterator[Sample]:
        """Yield one sample an answer, as each request falls due; on a busy line those of some 40 ms together.

        Raises:
            DriverError: The connection is gone, or no unit on it answers any more.
        """
        session, poller, bundle = self._session, self._poller, Bundle()
        if session is None or poller is None:
            raise DriverError(f"{self._name}: no session is open")
        while self._first:
            yield Sample(self._first.pop(0))
        trouble: DriverError | None = None
        while trouble is None and not self._is_finishing:
            try:
                await self._step(session, poller, bundle)
            except DriverError as error:
                trouble = error
            if poller.is_dead:
                trouble = self._nobody()
            is_last = trouble is not None or self._is_finishing
            if is_last or bundle.is_ripe(self._clock.monotonic(), poller.idle_s()):
                readings = bundle.take()
                if readings is not None:
                    yield Sample(readings)
        if trouble is not None:
            raise trouble

    async def _step(self, session: Session, poller: Poller, bundle: Bundle) -> None:
        """Ask what is due, or sleep until something is.

        Raises:
            DriverError: The connection is gone.
        """
        if session.is_lost:
            raise session.lost()
        poll = poller.due()
        if poll is None:
            await self._sleep(poller.idle_s())
            return
        readings = await poller.ask(poll)
        if readings is not None:
            bundle.add(readings, self._clock.monotonic())

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
            if self._refusals.lasting != self._kept:
                self._kept = self._refusals.lasting
                self._memory.write(self._kept, self._clock.now_us())
        self._first.clear()
        if self._session is not None:
            self._session.close()
            self._session = None

    def _nobody(self) -> DriverError:
        units = ", ".join(map(str, sorted(self._pauses)))
        return DriverError(
            f"{self._name}: connected to {self._options.place}, but no unit answers ({units}); "
            "check the devices and their `unit`"
        )

    def _begin(self, session: Session) -> Poller:
        return Poller(
            session,
            self._requests,
            self._fields,
            self._pauses,
            self._clock,
            retries=self._options.retries,
            points=self._points,
            refusals=self._refusals,
            tally=self._tally,
        )

    def _factor(self) -> float:
        """Return how much the periods are stretched so that the line can keep them, having said so."""
        if self._options.when_overloaded != "stretch" or not self._points:
            return 1.0
        found = budget_of(self._options, self._points)
        if found.factor > 1:
            _log.warning(
                "modbus periods stretched",
                connection=self._name,
                factor=round(found.factor, 2),
                because=overload(found, self._points),
            )
        return found.factor

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
