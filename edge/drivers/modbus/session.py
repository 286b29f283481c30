"""One session with a Modbus server or a serial line: a request goes out, its answer comes back or does not.

Three habits of pymodbus are turned off, as each hides a loss: it connects again by itself, it repeats requests, and
it ends a connection after a few unanswered ones. Whether a missing answer matters is for the driver to say. Its framers
are replaced by `frames`, which say what came instead of an answer; theirs only wait. Its calls are never wrapped in
`asyncio.wait_for`: that leaves a transaction behind whose late answer meets the next request.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ConnectionException, ModbusIOException
from pymodbus.framer.base import FramerBase
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from edge.clock import Clock
from edge.drivers.modbus.answer import Answer, Status
from edge.drivers.modbus.connection import Form, ModbusConnection
from edge.drivers.modbus.dialling import Dialler
from edge.drivers.modbus.frames import Ascii, Framing, Mbap, Noise, Question, Rtu, verdict
from edge.drivers.modbus.plan import Request, Table
from edge.drivers.modbus.timing import silence_s
from edge.errors import DriverError

_QUESTIONS: dict[Table, type[ModbusPDU]] = {
    Table.COIL: ReadCoilsRequest,
    Table.DISCRETE: ReadDiscreteInputsRequest,
    Table.HOLDING: ReadHoldingRegistersRequest,
    Table.INPUT: ReadInputRegistersRequest,
}
_FRAMINGS: dict[Form, type[Framing]] = {
    Form.TCP: Mbap,
    Form.TLS: Mbap,
    Form.RTU: Rtu,
    Form.RTU_OVER_TCP: Rtu,
    Form.ASCII: Ascii,
    Form.ASCII_OVER_TCP: Ascii,
}


class _Response(ModbusPDU):
    """A response that stays bytes: pymodbus would make a list of them, register by register (30 us for 124)."""

    def __init__(self, pdu: bytes, unit: int, transaction: int) -> None:
        super().__init__(dev_id=unit, transaction_id=transaction)
        self.pdu = pdu


class _Framer(FramerBase):
    """Puts one of our framings in the place of pymodbus' own, and keeps account of what else came."""

    MAX_SIZE = 2 * 516

    def __init__(self, framing: Framing, on_babble: Callable[[], None]) -> None:
        super().__init__(DecodePDU(False))
        self._framing = framing
        self._on_babble = on_babble
        self._question = Question(0, 0, 0, 0)
        self._size = 0
        self._pending = b""
        self._noises: list[Noise] = []

    def expect(self, size: int) -> None:
        """Forget what came before; the answer to the next frame has so many bytes of data."""
        self._size = size
        self._pending = b""
        self._noises = []

    def encode(self, payload: bytes, dev_id: int, tid: int) -> bytes:
        """Frame a request, and know it again in its answer."""
        sent = self._framing.frame(dev_id, tid, payload)
        self._question = Question(dev_id, tid, payload[0], self._size, sent)
        return sent

    def handleFrame(self, data: bytes, exp_devid: int, exp_tid: int) -> tuple[int, ModbusPDU | None]:  # noqa: N802 - pymodbus' name
        """Take what came; pymodbus shows unused bytes again, together with the next ones."""
        taken = self._framing.take(data, self._question)
        self._noises += taken.noises
        self._pending = data[taken.used :]
        if Noise.BABBLE in taken.noises and isinstance(self._framing, Mbap):
            self._on_babble()
        return taken.used, None if taken.pdu is None else _Response(taken.pdu, exp_devid, exp_tid)

    def noises(self) -> list[Noise]:
        """Return all that came beside the answer, or instead of it."""
        if not self._pending:
            return self._noises
        left = self._framing.left(self._pending, self._question)
        self._pending = b""
        return [*self._noises, *left]


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
        self._framer = _Framer(_FRAMINGS[options.modbus](), self._drop)
        self._client: ModbusBaseClient | None = None

    async def open(self) -> None:
        """Connect, within the time limit.

        Raises:
            DriverError: Nobody answers there, or the port cannot be used.
        """
        self._client = client = self._dialler.client(lambda is_up: None if is_up else self._on_lost())
        client.ctx.framer = self._framer
        client.ctx.max_buffer_size = self._framer.MAX_SIZE
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
        client = self._client
        if client is None or not client.connected:
            raise self.lost()
        if self._silence_s:
            await self._keep_silence()
        question = _QUESTIONS[request.table](address=request.address, count=request.count, dev_id=request.unit)
        self._framer.expect(size)
        try:
            response = await self._execute(client, question)
        except ConnectionException as error:
            raise self.lost() from error
        except ModbusIOException as error:
            if self.is_lost:
                raise self.lost() from error
            return verdict(self._count())
        finally:
            if self._silence_s:
                self._quiet_until = self._clock.monotonic() + self._silence_s
        self._count()
        return Answer.read(response.pdu) if isinstance(response, _Response) else Status.STRAY_ANSWER

    async def _execute(self, client: ModbusBaseClient, question: ModbusPDU) -> ModbusPDU:
        """Let pymodbus ask; it waits by `asyncio.wait_for`, which loses a cancellation that comes with the answer."""
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        try:
            response: ModbusPDU = await client.execute(False, question)
        finally:
            if task and task.cancelling() > before:
                # Python 3.11 (bpo-37658): without this the task would go on as if nobody had asked it to end
                raise asyncio.CancelledError
        return response

    def _count(self) -> list[Noise]:
        noises = self._framer.noises()
        for noise in noises:
            self._events[f"noise_{noise}"] += 1
        return noises

    def close(self) -> None:
        """Disconnect; may be called at any time."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _keep_silence(self) -> None:
        """Leave a serial line the silence that parts two frames (Modbus over Serial Line V1.02, 2.5.1.1)."""
        wait_s = self._quiet_until - self._clock.monotonic()
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    def _drop(self) -> None:
        """End a connection whose stream is out of step: where the next header begins, nobody knows."""
        if self._client is not None:
            self._client.ctx.connection_lost(ConnectionResetError("the stream is out of step"))


def quieten() -> None:
    """Keep pymodbus from logging every missing answer with its last frames; a level that somebody chose stays."""
    logger = logging.getLogger("pymodbus.logging")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
