"""One TCP session with a Modbus server: a request goes out, its answer comes back or does not.

The only module that knows pymodbus. Three habits of that library are turned off here, as each hides a loss: it
connects again by itself, it repeats requests, and it ends a connection after a few unanswered ones. Whether a
missing answer matters is for the driver to say. Its calls are never wrapped in `asyncio.wait_for`: that leaves
a transaction behind whose late answer meets the next request.
"""

import logging
from collections.abc import Callable

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from edge.drivers.modbus.answer import Answer
from edge.drivers.modbus.config import ModbusConnection
from edge.drivers.modbus.plan import Request, Table
from edge.errors import DriverError

_QUESTIONS: dict[Table, type[ModbusPDU]] = {
    Table.COIL: ReadCoilsRequest,
    Table.DISCRETE: ReadDiscreteInputsRequest,
    Table.HOLDING: ReadHoldingRegistersRequest,
    Table.INPUT: ReadInputRegistersRequest,
}
# more unanswered requests than a session can live to see
_NEVER = 2**62


class _Data(ModbusPDU):
    """A response whose data stay bytes: pymodbus would make a list of them, register by register (30 us for 124)."""

    announced = 0
    data = b""

    def decode(self, data: bytes) -> None:
        """Keep what came, whatever it is; `answer` judges it."""
        self.announced, self.data = (data[0], data[1:]) if data else (0, b"")

    def __str__(self) -> str:
        # pymodbus formats every response for its debug log, whether it is on or not
        return f"function {self.function_code}, {len(self.data)} bytes"


_DATA = [type(f"_{table.name.title()}Data", (_Data,), {"function_code": int(table)}) for table in Table]


class Session:
    """A connection to one Modbus server. `ask` one request at a time.

    Attributes:
        name: The connection's.
    """

    def __init__(self, name: str, options: ModbusConnection, on_lost: Callable[[], None]) -> None:
        """Prepare; nothing connects yet. `on_lost` is called on the loop when the connection breaks."""
        self.name = name
        self._options = options
        self._on_lost = on_lost
        self._client: AsyncModbusTcpClient | None = None

    async def open(self) -> None:
        """Connect, within the time limit.

        Raises:
            DriverError: Nobody answers there.
        """
        options = self._options
        self._client = client = AsyncModbusTcpClient(
            options.host,
            port=options.port,
            name=self.name,
            timeout=options.timeout,
            retries=0,
            reconnect_delay=0,
            trace_connect=lambda is_up: None if is_up else self._on_lost(),
        )
        client.set_max_no_responses(_NEVER)
        for data in _DATA:
            client.register(data)
        if not await client.connect():
            self.close()
            raise DriverError(
                f"{self.name}: no Modbus server takes connections at {options.host}:{options.port} "
                f"within {options.timeout:g} s; check host, port and cabling"
            )

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone, or was never there."""
        return self._client is None or not self._client.connected

    def lost(self) -> DriverError:
        """Return the error that says so."""
        return DriverError(f"{self.name}: {self._options.host}:{self._options.port} closed the connection")

    async def ask(self, request: Request) -> Answer | None:
        """Send one request and wait for its answer; None if none came within the time limit.

        Cancelled while it waits, it leaves the session fit for use: the late answer is recognised and dropped.

        Raises:
            DriverError: The connection is gone.
        """
        client = self._client
        if client is None or not client.connected:
            raise self.lost()
        question = _QUESTIONS[request.table](address=request.address, count=request.count, dev_id=request.unit)
        try:
            pdu: ModbusPDU = await client.execute(False, question)
        except ConnectionException as error:
            raise self.lost() from error
        except ModbusIOException as error:
            if self.is_lost:
                raise self.lost() from error
            return None
        if isinstance(pdu, _Data):
            return Answer(pdu.function_code, announced=pdu.announced, data=pdu.data)
        return Answer(pdu.function_code, exception=pdu.exception_code)

    def close(self) -> None:
        """Disconnect; may be called at any time."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def quieten() -> None:
    """Keep pymodbus from logging every missing answer with its last frames; a level that somebody chose stays."""
    logger = logging.getLogger("pymodbus.logging")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
