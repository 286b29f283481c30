"""Proxies on the way out, on raw sockets: one that answers CONNECT, and one that speaks SOCKS 5 (RFC 1928, 1929)."""

import asyncio
import base64
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable


class Proxy:
    """Serves while it is entered, and passes bytes on to whatever is asked for.

    Args:
        user: Name and password that it wants, as `name:password`; anybody may pass if None.

    Attributes:
        asked: What it was asked for, `host:port` each.
        heard: All bytes that clients sent through it.
        port: Where it listens.
    """

    def __init__(self, user: str | None = None) -> None:
        self.asked: list[str] = []
        self.heard = bytearray()
        self.port = 0
        self._user = user

    @contextlib.asynccontextmanager
    async def connecting(self) -> AsyncIterator["Proxy"]:
        """Answer CONNECT."""
        async with self._serving(self._connect):
            yield self

    @contextlib.asynccontextmanager
    async def socks(self) -> AsyncIterator["Proxy"]:
        """Speak SOCKS 5."""
        async with self._serving(self._socks):
            yield self

    @contextlib.asynccontextmanager
    async def _serving(
        self, greet: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[tuple[str, int] | None]]
    ) -> AsyncIterator[None]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                target = await greet(reader, writer)
                if target is not None:
                    self.asked.append(f"{target[0]}:{target[1]}")
                    await self._pass_on(reader, writer, *await asyncio.open_connection(*target))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        word, target, _ = head.split("\r\n", 1)[0].split(" ")
        if self._user is not None:
            wanted = "Proxy-Authorization: Basic " + base64.b64encode(self._user.encode()).decode()
            if wanted not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return None
        if word != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return None
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        host, _, port = target.rpartition(":")
        return host, int(port)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        _, count = await reader.readexactly(2)
        offered = await reader.readexactly(count)
        wanted = 0 if self._user is None else 2
        if wanted not in offered:
            writer.write(b"\x05\xff")
            return None
        writer.write(bytes((5, wanted)))
        if self._user is not None:
            said = [(await reader.readexactly((await reader.readexactly(size))[-1])).decode() for size in (2, 1)]
            writer.write(b"\x01\x00" if ":".join(said) == self._user else b"\x01\x01")
            if ":".join(said) != self._user:
                return None
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(str(part) for part in await reader.readexactly(4))
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return host, port

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, listens: bool) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65_536):
                    if listens:
                        self.heard += data
                    target.write(data)
                    await target.drain()
            target.close()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pump(reader, far_writer, listens=True))
            tasks.create_task(pump(far_reader, writer, listens=False))
