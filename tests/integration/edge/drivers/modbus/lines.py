"""Slaves that speak the serial framings, on a cable or behind a device server, and can be told to lie on the wire."""

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator, Callable, Iterator

from edge.drivers.modbus.frames import Ascii, Framing, Mbap, Rtu
from simulators.cable import Cable

# a request without its check: unit, function, address, count
_REQUEST = struct.Struct(">BBHH")
_REQUEST_SIZES = {Rtu: 8, Ascii: 17, Mbap: 12}


class Slave:
    """Answers reads of holding registers from `registers`, by unit; `mangle` may change what it puts on the line.

    Attributes:
        asked: Unit and address of each request.
    """

    def __init__(self, framing: Framing, *units: int) -> None:
        self.registers = {unit: [unit * 1000 + n for n in range(200)] for unit in units}
        self.asked: list[tuple[int, int]] = []
        self.mangle: Callable[[bytes, bytes], bytes] = lambda _request, answer: answer
        self._framing = framing
        self._size = _REQUEST_SIZES[type(framing)]
        self._pending = b""

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the line and return those to put on it."""
        self._pending += data
        said = b""
        while len(self._pending) >= self._size:
            request, self._pending = self._pending[: self._size], self._pending[self._size :]
            said += self._say(request)
        return said

    def _say(self, request: bytes) -> bytes:
        transaction = 0
        if isinstance(self._framing, Mbap):
            transaction = int.from_bytes(request[:2], "big")
            unit, function, address, count = _REQUEST.unpack_from(request, 6)
        else:
            plain = bytes.fromhex(request[1:-2].decode()) if isinstance(self._framing, Ascii) else request
            unit, function, address, count = _REQUEST.unpack_from(plain)
        self.asked.append((unit, address))
        if unit not in self.registers:
            return b""
        words = self.registers[unit][address : address + count]
        pdu = struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)
        return self.mangle(request, self._framing.frame(unit, transaction, pdu))


@contextlib.contextmanager
def serving(slave: Slave, cable: Cable) -> Iterator[None]:
    """Put a slave at the far end of a cable."""
    port = os.open(cable.far, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def answer() -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            if said := slave.hear(os.read(port, 4096)):
                os.write(port, said)

    loop = asyncio.get_running_loop()
    loop.add_reader(port, answer)
    try:
        yield
    finally:
        loop.remove_reader(port)
        os.close(port)


@contextlib.asynccontextmanager
async def on_a_cable(slave: Slave) -> AsyncIterator[Cable]:
    """Put a slave at the far end of a new cable; whoever opens the near one is its master."""
    cable = Cable()
    cable.plug()
    try:
        with serving(slave, cable):
            yield cable
    finally:
        cable.close()


@contextlib.asynccontextmanager
async def on_a_server(slave: Slave, **options: object) -> AsyncIterator[int]:
    """Put a slave behind a TCP port, which is handed out; `options` as of `asyncio.start_server`."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(slave.hear(data))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
