"""Parts of a gateway that break the promise, each in the way of gateways that are about: what the controls run with."""

import asyncio
import os
import tempfile
from collections.abc import Sequence

from edge.errors import BatchRefused, Unauthorized, UplinkError
from edge.ports import Buffer, Lease, Orders, Sign, Uplink
from shared.reading import Gap, Readings
from shared.wire.receipt import Outcome, Receipt


def _taken() -> "asyncio.Future[None]":
    promise = asyncio.get_running_loop().create_future()
    promise.set_result(None)
    return promise


class _Buffer:
    """The buffer, to which a subclass appends as it likes."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self.lease, self.settle, self.give_back = buffer.lease, buffer.settle, buffer.give_back


class DroppingBuffer(_Buffer):
    """An insert that fails drops its block: the next one may succeed."""

    async def append(
        self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
    ) -> "asyncio.Future[None]":
        if not _can_be_written():
            return _taken()
        return await self._buffer.append(readings, gaps, prompt=prompt)


class LingeringBuffer(_Buffer):
    """Keeps the last block back until there is another one, and knows of no end."""

    def __init__(self, buffer: Buffer) -> None:
        super().__init__(buffer)
        self._last: tuple[Readings, Sequence[Gap]] | None = None

    async def append(
        self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
    ) -> "asyncio.Future[None]":
        before, self._last = self._last, (readings, gaps)
        return _taken() if before is None else await self._buffer.append(*before, prompt=prompt)


class _Uplink:
    """The way to the cloud, whose failures a subclass understands as it likes."""

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink

    async def send(self, lease: Lease) -> Receipt:
        return await self._uplink.send(lease)

    async def greet(self, sign: Sign) -> Orders:
        return await self._uplink.greet(sign)

    async def close(self) -> None:
        await self._uplink.close()


class ImpatientUplink(_Uplink):
    """What is refused is not sent again, and nobody is told."""

    async def send(self, lease: Lease) -> Receipt:
        try:
            return await self._uplink.send(lease)
        except BatchRefused:
            return _settling(lease)


class ObedientUplink(_Uplink):
    """Whoever has no right to send has nothing to send."""

    async def send(self, lease: Lease) -> Receipt:
        try:
            return await self._uplink.send(lease)
        except Unauthorized:
            return _settling(lease)


class CredulousUplink(_Uplink):
    """Whatever comes back is a receipt."""

    async def send(self, lease: Lease) -> Receipt:
        try:
            return await self._uplink.send(lease)
        except UplinkError:
            return _settling(lease)


class RevokedUplink(_Uplink):
    """No carelessness of the gateway's: the cloud refuses its token for so many requests."""

    def __init__(self, uplink: Uplink, requests: int) -> None:
        super().__init__(uplink)
        self._left = requests

    async def send(self, lease: Lease) -> Receipt:
        if self._left:
            self._left -= 1
            await asyncio.sleep(0)
            raise Unauthorized("the token was revoked")
        return await self._uplink.send(lease)


def _settling(lease: Lease) -> Receipt:
    return Receipt(str(lease.id.epoch), lease.id.seq, Outcome.STORED, lease.rows)


def _can_be_written() -> bool:
    with tempfile.TemporaryFile() as file:
        try:
            return bool(os.pwrite(file.fileno(), b"x", 1 << 20))
        except OSError:
            return False
