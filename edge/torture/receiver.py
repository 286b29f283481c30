"""The receiver: stands in for the cloud on this machine, keeps each batch once, and behaves as badly as lines do.

It speaks what the cloud speaks to a gateway (docs/wire.md): a batch is answered when it is kept, one that comes again
gets the answer it had. Which request is lost, which answer, which one only drips, is drawn from a seed.
"""

import asyncio
import random
from contextlib import suppress
from enum import StrEnum

import msgspec

from edge.clock import Clock
from shared.errors import WireError
from shared.wire import batch as wire
from shared.wire.batch import Batch, BatchId
from shared.wire.receipt import Outcome, Receipt

_HOST = "127.0.0.1"
_ALIVE = b"HTTP/1.1 204 No Content\r\n\r\n"
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
# what does not speak like a gateway is not listened to any longer
_LIMIT_S = 30.0
_DRIP_S = 0.002


class Manner(StrEnum):
    """What becomes of one request."""

    WELL = "well"
    LOST = "requests lost"
    ANSWER_LOST = "answers lost"
    DRIPPED = "answers that dripped"
    BUSY = "answers of 503"


_WEIGHTS = {Manner.WELL: 76, Manner.LOST: 6, Manner.ANSWER_LOST: 10, Manner.DRIPPED: 4, Manner.BUSY: 4}


class Receiver:
    """Listens while it is open.

    Args:
        clock: Time.
        seed: Of its behaviour.

    Attributes:
        batches: What it keeps.
        counts: How often what happened.
        repeated: Batches that came again.
        is_cut: Nobody gets through at the moment.
        is_good: Every request is served well.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self.batches: dict[BatchId, Batch] = {}
        self.counts = dict.fromkeys(Manner, 0)
        self.repeated = 0
        self.is_cut = False
        self.is_good = False
        self._marks: dict[BatchId, int] = {}
        self._clock = clock
        self._chance = random.Random(seed)  # noqa: S311 - it is to be repeatable
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen on a free port; returns the address."""
        self._server = await asyncio.start_server(self._serve, _HOST, 0)
        return f"http://{_HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def take(self, body: bytes) -> Receipt:
        """Keep a batch, once.

        Raises:
            WireError: It is none, or another content has its identity.
        """
        batch = wire.decode(body)
        head, mark = batch.header, hash(body)
        if self._marks.setdefault(head.id, mark) != mark:
            raise WireError(f"batch {head.id.seq} came with another content")
        outcome = Outcome.DUPLICATE if head.id in self.batches else Outcome.STORED
        self.repeated += outcome is Outcome.DUPLICATE
        self.batches[head.id] = batch
        return Receipt(str(head.id.epoch), head.id.seq, outcome, head.rows)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # a gateway that is killed leaves halves of requests behind
            with suppress(OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError):
                async with asyncio.timeout(_LIMIT_S):
                    while not (self.is_cut or writer.is_closing()):
                        await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if self.is_cut:
            return
        if "/ingest/batches " not in line:
            writer.write(_ALIVE)
        else:
            await self._judge(body, writer)
        await writer.drain()

    async def _judge(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        manner = self._manner()
        self.counts[manner] += 1
        match manner:
            case Manner.LOST:
                writer.close()
            case Manner.BUSY:
                writer.write(_BUSY)
            case Manner.ANSWER_LOST:
                self.take(body)
                writer.close()
            case Manner.DRIPPED:
                for byte in self._receipt(body):
                    writer.write(bytes((byte,)))
                    await writer.drain()
                    await self._clock.sleep(_DRIP_S)
            case Manner.WELL:
                writer.write(self._receipt(body))

    def _manner(self) -> Manner:
        return Manner.WELL if self.is_good else self._chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]

    def _receipt(self, body: bytes) -> bytes:
        answer = msgspec.json.encode({"data": self.take(body), "meta": {}})
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        return head.encode() + answer
