"""A broker that says exactly what a test tells it to, byte for byte: for what real ones do only on a bad day."""

import asyncio
import contextlib
import struct
from collections.abc import Sequence

CONNECT, SUBSCRIBE, PUBACK, DISCONNECT = 1, 8, 4, 14


def connack(code: int = 0, *, session_present: bool = False, v5: bool = False) -> bytes:
    return _packet(0x20, bytes([session_present, code]) + (b"\0" if v5 else b""))


def publish(mid: int, topic: str, payload: bytes, *, is_dup: bool = False) -> bytes:
    return _packet(0x32 | (is_dup << 3), _text(topic.encode()) + struct.pack("!H", mid) + payload)


def disconnect(code: int) -> bytes:
    return _packet(0xE0, bytes([code]))


def _packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([kind, len(body)]) + body


def _text(text: bytes) -> bytes:
    return struct.pack("!H", len(text)) + text


class ScriptedBroker:
    """Answers CONNECT with `greeting` and SUBSCRIBE with `grants` (None: not at all); `say` sends more.

    Attributes:
        heard: Type and body of every packet that came, over all connections.
        connections: How many came.
    """

    def __init__(self, greeting: bytes | None = None, grants: Sequence[int] | None = (1,), *, v5: bool = False) -> None:
        self.port = 0
        self.greeting = connack(v5=v5) if greeting is None else greeting
        self.grants = grants
        self.heard: list[tuple[int, bytes]] = []
        self.connections = 0
        self._v5 = v5
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "ScriptedBroker":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.hang_up()

    def say(self, data: bytes) -> None:
        assert self._writer
        self._writer.write(data)

    def hang_up(self) -> None:
        if self._writer:
            self._writer.transport.abort()

    def acknowledged(self) -> list[int]:
        """Return the packet identifiers of the PUBACKs that came."""
        return [struct.unpack("!H", body[:2])[0] for kind, body in self.heard if kind == PUBACK]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writer = writer
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                kind = (await reader.readexactly(1))[0] >> 4
                body = await reader.readexactly(await _length(reader))
                self.heard.append((kind, body))
                if kind == CONNECT:
                    writer.write(self.greeting)
                elif kind == SUBSCRIBE and self.grants is not None:
                    writer.write(_packet(0x90, body[:2] + (b"\0" if self._v5 else b"") + bytes(self.grants)))
                elif kind == DISCONNECT:
                    break
        writer.close()


async def _length(reader: asyncio.StreamReader) -> int:
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 127) << shift
        if byte < 128:
            return length
        shift += 7
