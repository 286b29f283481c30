"""A `MemoryCloud` behind real HTTP on loopback, on raw sockets, so that it can answer in every wrong way there is."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from edge.errors import BatchRefused
from shared.wire.receipt import Receipt
from tests.fakes.cloud import MemoryCloud


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of an answer; underscores in the names of headers stand for hyphens."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def problem(status: str, code: str, detail: str, **headers: str) -> bytes:
    """Return the bytes of the cloud's error body."""
    body = json.dumps({"status": int(status[:3]), "detail": detail, "error_code": code}).encode()
    return answer(status, body, Content_Type="application/problem+json", **headers)


def receipt_of(receipt: Receipt) -> bytes:
    """Return the bytes of a receipt in its envelope."""
    data = {name: getattr(receipt, name) for name in ("epoch", "seq", "outcome", "rows", "repeated")}
    return answer("200 OK", json.dumps({"data": data, "meta": {"request_id": "r"}}).encode())


class HttpCloud:
    """Serves while it is entered.

    Attributes:
        cloud: What was stored.
        behave: What is done with a request; storing it well, if it is not set.
        requests: All that came.
        connections: How many connections were made.
        url: Its address.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.cloud = MemoryCloud()
        self.behave: Answer | None = None
        self.requests: list[Request] = []
        self.connections = 0
        self.url = ""
        self._tls = tls

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["HttpCloud"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        scheme = "http" if self._tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    def says(self, data: bytes) -> None:
        """Answer every request with these bytes."""

        async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(data)

        self.behave = behave

    async def store(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Do what the real one does."""
        if "/gateways/alive " in request.line:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        try:
            writer.write(receipt_of(self.cloud.take(request.body)))
        except BatchRefused as error:
            writer.write(problem("409 Conflict", "BATCH_CONFLICT", error.message))

    async def store_and_hang_up(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Store, and lose the answer."""
        self.cloud.take(request.body)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *rest = head.strip().split("\r\n")
                headers = {name.lower(): value for name, value in (entry.split(": ", 1) for entry in rest)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Request(line, headers, body)
                self.requests.append(request)
                await (self.behave or self.store)(request, writer)
                await writer.drain()
        writer.close()
