"""The health page's server: two pages over plain HTTP, on loopback, bounded in every direction.

It is meant for a person with a browser, a script, and Prometheus on the same machine; so it knows GET and
HEAD, one request a connection, and no more.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus

from shared.errors import AppError

# a page's body, made when it is asked for
Page = Callable[[], bytes]
_MAX_REQUEST = 8192
_TIMEOUT_S = 5.0
# Prometheus, a probe, and a few people
_MAX_CONNECTIONS = 16


class _Refusal(AppError):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class HealthServer:
    """Serves pages by path.

    Args:
        pages: Path to content type and page.
    """

    def __init__(self, pages: Mapping[str, tuple[str, Page]]) -> None:
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def open(self, host: str, port: int) -> int:
        """Listen, and return the port in use; 0 takes a free one.

        Raises:
            OSError: The address is taken, or not this machine's.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=_MAX_REQUEST)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and cut what is under way."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._connections:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                writer.write(await self._answer(reader))
                await writer.drain()
        except (OSError, TimeoutError):
            # whoever asked has gone, or dawdles
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            method, path = await self._request(reader)
            content_type, page = self._page(method, path)
            return _response(HTTPStatus.OK, content_type, page(), with_body=method == "GET")
        except _Refusal as refusal:
            return _response(refusal.status, "text/plain; charset=utf-8", f"{refusal.message}\n".encode())

    async def _request(self, reader: asyncio.StreamReader) -> tuple[str, str]:
        if len(self._connections) > _MAX_CONNECTIONS:
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise _Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too large") from None
        except asyncio.IncompleteReadError:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "the request ended early") from None
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "expected an HTTP/1.1 request")
        return words[0], words[1].partition("?")[0]

    def _page(self, method: str, path: str) -> tuple[str, Page]:
        if path not in self._pages:
            raise _Refusal(HTTPStatus.NOT_FOUND, f"expected one of {', '.join(self._pages)}")
        if method not in {"GET", "HEAD"}:
            raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "expected GET or HEAD")
        return self._pages[path]


def _response(status: HTTPStatus, content_type: str, body: bytes, *, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (body if with_body else b"")
