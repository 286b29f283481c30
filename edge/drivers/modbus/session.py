"""One session with a Modbus server or a serial line: a request goes out, its answer comes back or does not.

pymodbus connects, over TCP, TLS and serial ports, and tells when the connection breaks; its habit of connecting again
by itself is turned off, as that hides a loss. What is asked and answered goes past it (`exchange`): its framers do not
say what came instead of an answer, and its transactions cost more than all that the gateway does with one.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import cast

from pymodbus.client.base import ModbusBaseClient

from edge.clock import Clock
from edge.drivers.modbus.answer import Answer, Status
from edge.drivers.modbus.connection import Form, ModbusConnection
from edge.drivers.modbus.dialling import Dialler
from edge.drivers.modbus.exchange import Exchange
from edge.drivers.modbus.frames import Ascii, Framing, Mbap, Noise, Rtu, verdict
from edge.drivers.modbus.plan import Request
from edge.drivers.modbus.timing import silence_s
from edge.errors import DriverError

_FRAMINGS: dict[Form, type[Framing]] = {
    Form.TCP: Mbap,
    Form.TLS: Mbap,
    Form.RTU: Rtu,
    Form.RTU_OVER_TCP: Rtu,
    Form.ASCII: Ascii,
    Form.ASCII_OVER_TCP: Ascii,
}


class Session:
    """A connection to one Modbus server or line. `ask` one request at a time.

    Attributes:
        name: The connection's.
    """

    def __init__(
        self,
        name: str,
        options: ModbusConnection,
        on_lost: Callable[[], None],
        clock: Clock,
        events: Counter[str],
    ) -> None:
        """Prepare; nothing connects yet.

        Args:
            name: The connection's.
            options: How it is made.
            on_lost: Called on the loop when the connection breaks.
            clock: By which a serial line's silences are kept.
            events: Where it is counted what came beside answers or instead of them.
        """
        self.name = name
        self._events = events
        self._options = options
        self._on_lost = on_lost
        self._clock = clock
        self._dialler = Dialler(name, options)
        self._silence_s = silence_s(options.baud) if options.modbus.is_serial else 0.0
        self._quiet_until = 0.0
        self._exchange = Exchange(_FRAMINGS[options.modbus](), options.timeout, self._drop)
        self._client: ModbusBaseClient | None = None

    async def open(self) -> None:
        """Connect, within the time limit.

        Raises:
            DriverError: Nobody answers there, or the port cannot be used.
        """
        self._client = client = self._dialler.client(lambda is_up: None if is_up else self._lose())
        # in the place of its own method, which would look for transactions of its own
        client.ctx.data_received = self._exchange.received  # type: ignore[method-assign]
        if not await client.connect():
            self.close()
            raise DriverError(f"{self.name}: {self._dialler.why_closed()}")
        if self._options.modbus.is_serial:
            # its transport begins in the loop's next turn
            await asyncio.sleep(0)

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone, or was never there."""
        return self._client is None or not self._client.connected

    def lost(self) -> DriverError:
        """Return the error that says so."""
        if self._options.modbus.is_serial:
            return DriverError(f"{self.name}: {self._options.place} is gone; was it unplugged?")
        return DriverError(f"{self.name}: {self._options.place} closed the connection")

    async def ask(self, request: Request, size: int) -> Answer | Status:
        """Send one request and wait for its answer, whose data have `size` bytes; say why if none came in time.

        Cancelled while it waits, it leaves the session fit for use: the late answer is recognised and dropped.

        Raises:
            DriverError: The connection is gone.
        """
        if self._silence_s:
            await self._keep_silence()
        client = self._client
        if client is None or not client.connected:
            raise self.lost()
        try:
            pdu = await self._exchange.ask(cast("asyncio.WriteTransport", client.ctx.transport), request, size)
        finally:
            if self._silence_s:
                self._quiet_until = self._clock.monotonic() + self._silence_s
        if pdu is None and self.is_lost:
            raise self.lost()
        noises = self._count()
        return verdict(noises) if pdu is None else Answer.read(pdu)

    def _count(self) -> list[Noise]:
        noises = self._exchange.noises()
        for noise in noises:
            self._events[f"noise_{noise}"] += 1
        return noises

    def close(self) -> None:
        """Disconnect; may be called at any time."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self._exchange.end()

    async def _keep_silence(self) -> None:
        """Leave a serial line the silence that parts two frames (Modbus over Serial Line V1.02, 2.5.1.1)."""
        wait_s = self._quiet_until - self._clock.monotonic()
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    def _lose(self) -> None:
        self._exchange.end()
        self._on_lost()

    def _drop(self) -> None:
        """End a connection whose stream is out of step: where the next header begins, nobody knows."""
        if self._client is not None:
            self._client.ctx.connection_lost(ConnectionResetError("the stream is out of step"))


def quieten() -> None:
    """Keep pymodbus from logging every missing answer with its last frames; a level that somebody chose stays."""
    logger = logging.getLogger("pymodbus.logging")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
