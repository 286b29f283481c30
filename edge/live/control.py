"""The daemon's control port: for who may read the token in its state directory, on this machine only.

The local page is read only and for everybody on this machine; what changes the gateway comes in here. One request a
connection, as a line of JSON: `{"token": .., "do": "plan" | "apply", "file": ..}`, or `{"token": .., "buffer": "stat" |
.., "ns": [..]}` (desk.py). The answer is lines of JSON, of which the last says how it ended.
"""

import asyncio
import hmac
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from shared.errors import AppError
from shared.logs import get

_log = get(__name__)
# a thousand entries of the quarantine can be named
_MAX_REQUEST = 16_384
_TIMEOUT_S = 5.0
# whoever pages through an export reads it at his own pace
_DAWDLE_S = 60.0
# one that changes something, and a few that look
_MAX_CONNECTIONS = 4
FILE = "control.json"


class Address(msgspec.Struct, frozen=True):
    """Where a running daemon listens, and what it wants to be shown; in the state directory, for its owner alone."""

    port: int
    token: str


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: `plan` or `apply`, of a file by its absolute path; or something of the buffer's entries `ns`."""

    token: str
    do: str = ""
    file: str = ""
    buffer: str = ""
    ns: list[int] = msgspec.field(default_factory=list)


# answers a request, piece by piece; an AppError is told to whoever asks
Handler = Callable[[str, Path], AsyncIterator[dict[str, Any]]]
DeskHandler = Callable[[str, list[int]], AsyncIterator[dict[str, Any]]]


class ControlServer:
    """Listens on loopback while it is open.

    Args:
        directory: The state directory.
        handle: Answers.
        desk: Answers what is asked of the buffer.
    """

    def __init__(self, directory: Path, handle: Handler, desk: DeskHandler | None = None) -> None:
        self._path = directory / FILE
        self._handle = handle
        self._desk = desk
        self._token = secrets.token_urlsafe(32)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen on a free port, and write down where; without a disk to write on nobody can ask, and that is said."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_REQUEST)
        address = Address(self._server.sockets[0].getsockname()[1], self._token)
        fresh = self._path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(address))
            fresh.replace(self._path)
        except OSError as error:
            _log.warning("`plan` and `apply` will not find this gateway", file=str(self._path), error=str(error))

    async def close(self) -> None:
        """Stop listening, cut what is under way, and forget the token."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # whoever asked has gone, dawdles, or is none of ours
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            line = await reader.readuntil(b"\n")
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.MsgspecError as error:
            await _say(writer, {"error": f"not a request: {error}", "code": "BAD_REQUEST"})
            return
        if not hmac.compare_digest(request.token.encode(), self._token.encode()):
            await _say(writer, {"error": "wrong token; read control.json again", "code": "UNAUTHORIZED"})
        elif len(self._writers) > _MAX_CONNECTIONS:
            await _say(writer, {"error": "too many ask at once; try again", "code": "BUSY"})
        else:
            await self._answer_known(request, writer)

    async def _answer_known(self, request: Request, writer: asyncio.StreamWriter) -> None:
        try:
            if request.buffer and self._desk is not None:
                answer = self._desk(request.buffer, request.ns)
            else:
                answer = self._handle(request.do, Path(request.file))
            async for piece in answer:
                await _say(writer, piece)
        except AppError as error:
            await _say(writer, {"error": error.message, "code": error.code})


async def _say(writer: asyncio.StreamWriter, piece: dict[str, Any]) -> None:
    async with asyncio.timeout(_DAWDLE_S):
        writer.write(msgspec.json.encode(piece) + b"\n")
        await writer.drain()
