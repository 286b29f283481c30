"""The server of the local page: plain HTTP, on loopback unless told otherwise, read only, bounded in every direction.

It is meant for a person with a browser, the tools on this machine, and Prometheus; so it knows GET and HEAD, one
request a connection, and no more. Who may read:

- On loopback everybody on this machine may. A browser there also runs pages of strangers, one of whom may have his own
  name point to 127.0.0.1 (DNS rebinding); so a request that names any other host than this machine is refused.
- Elsewhere only who shows the token, in a header that no browser sends by itself. Open pages have nothing in them.

Nothing is embedded from elsewhere, and no page may embed this one or run a script that is not its own.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

from shared.errors import AppError

Query = Mapping[str, list[str]]
_MAX_REQUEST = 8192
_TIMEOUT_S = 5.0
# Prometheus, a probe, and a few people
_MAX_CONNECTIONS = 16
_MAX_STREAMS = 4
_MAX_FIELDS = 100
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What stands at a path; its body is made when it is asked for. An `AppError` of `make` is a bad request.

    Attributes:
        content_type: Of the body.
        make: From the query to the body.
        is_open: It may be read without the token.
    """

    content_type: str
    make: Callable[[Query], bytes]
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """What is sent piece by piece until the reader has enough; an empty piece asks whether he is still there."""

    content_type: str
    make: Callable[[Query], AsyncIterator[bytes]]


class _Refusal(AppError):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Query
    headers: Mapping[str, str]


class HealthServer:
    """Serves pages by path.

    Args:
        pages: What stands where.
        token: What a reader has to show; None where everybody who can connect may read.
        any_host: Whether a request may name another host than this machine; only with a token.
    """

    def __init__(self, pages: Mapping[str, Page | Stream], *, token: str | None = None, any_host: bool = False) -> None:
        self._pages = pages
        self._token = None if token is None else token.encode()
        self._any_host = any_host and token is not None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._streams = 0

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
            await self._answer(reader, writer)
        except (OSError, TimeoutError):
            # whoever asked has gone, or dawdles
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                request = await self._request(reader)
            page = self._page(request)
            if isinstance(page, Stream):
                await self._send_all(page, request, writer)
                return
            answer = _response(HTTPStatus.OK, page.content_type, page.make(request.query))
            if request.method == "HEAD":
                answer = answer[: answer.index(b"\r\n\r\n") + 4]
        except AppError as error:
            status = error.status if isinstance(error, _Refusal) else HTTPStatus.BAD_REQUEST
            answer = _response(status, "text/plain; charset=utf-8", f"{error.message}\n".encode())
        await _write(writer, answer)

    async def _send_all(self, page: Stream, request: _Request, writer: asyncio.StreamWriter) -> None:
        if self._streams >= _MAX_STREAMS:
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{_MAX_STREAMS} others are tapping already")
        self._streams += 1
        try:
            async with aclosing(page.make(request.query)) as pieces:  # type: ignore[type-var] # they are generators
                head = _head(HTTPStatus.OK, page.content_type)
                async for piece in pieces:
                    await _write(writer, head + piece)
                    head = b""
                    if writer.is_closing():
                        return
        finally:
            self._streams -= 1

    async def _request(self, reader: asyncio.StreamReader) -> _Request:
        if len(self._connections) > _MAX_CONNECTIONS:
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise _Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too large") from None
        except asyncio.IncompleteReadError:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "the request ended early") from None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "expected an HTTP/1.1 request")
        path, _, query = words[1].partition("?")
        try:
            fields = parse_qs(query, max_num_fields=_MAX_FIELDS)
        except ValueError:
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"expected at most {_MAX_FIELDS} parameters") from None
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return _Request(words[0], path, fields, headers)

    def _page(self, request: _Request) -> Page | Stream:
        host = request.headers.get("host", "localhost").lower()
        # the port behind it; an IPv6 address stands in brackets
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if name not in _LOCAL and not self._any_host:
            raise _Refusal(
                HTTPStatus.MISDIRECTED_REQUEST, "this page is for this machine only: ask for it as http://localhost"
            )
        page = self._pages.get(request.path)
        if page is None:
            raise _Refusal(HTTPStatus.NOT_FOUND, f"expected one of {', '.join(self._pages)}")
        if request.method not in {"GET", "HEAD"}:
            raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "expected GET or HEAD")
        if self._token is not None and not (isinstance(page, Page) and page.is_open):
            shown = request.headers.get("authorization", "").removeprefix("Bearer ").encode("latin-1")
            if not hmac.compare_digest(shown, self._token):
                raise _Refusal(
                    HTTPStatus.UNAUTHORIZED, "expected the token of health.token as `Authorization: Bearer ..`"
                )
        return page


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    async with asyncio.timeout(_TIMEOUT_S):
        writer.write(data)
        await writer.drain()


def _head(status: HTTPStatus, content_type: str, **more: str) -> bytes:
    headers = {"Content-Type": content_type, **_HEADERS, **more, "Connection": "close"}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _response(status: HTTPStatus, content_type: str, body: bytes) -> bytes:
    return _head(status, content_type, **{"Content-Length": str(len(body))}) + body
