"""One question at a time on a connection, and the answer to it among all that comes (docs/decisions/0039).

The session says what to ask, a framing what of the bytes is the answer. What came beside it, or instead of it, is kept
to be counted. A late answer finds nobody who waits for it, and is dropped.
"""

import asyncio
import struct
from collections.abc import Callable

from edge.drivers.modbus.frames import Framing, Mbap, Noise, Question
from edge.drivers.modbus.plan import Request

_PDU = struct.Struct(">BHH")
# an answer takes half of it in ASCII, the longest framing; what is more is none
_MOST_BYTES = 2 * 516
_LAST_TRANSACTION = 65_000


class Exchange:
    """Asks on a transport, which is handed in with each question; `received` gets all that comes on it."""

    def __init__(self, framing: Framing, timeout_s: float, on_babble: Callable[[], None]) -> None:
        """Prepare; `on_babble`: called when the stream is out of step and of no more use."""
        self._framing = framing
        self._timeout_s = timeout_s
        self._on_babble = on_babble
        self._transaction = 0
        self._question = Question(0, 0, 0, 0)
        self._pending = b""
        self._noises: list[Noise] = []
        self._answer: asyncio.Future[bytes | None] | None = None

    async def ask(self, transport: asyncio.WriteTransport, request: Request, size: int) -> bytes | None:
        """Return the answer, from its function code on; None if it was not there in time, or `end` was called.

        Args:
            transport: Open.
            request: What is asked.
            size: How many bytes of data a whole answer has.
        """
        pdu = _PDU.pack(request.table, request.address, request.count)
        self._transaction = self._transaction % _LAST_TRANSACTION + 1
        sent = self._framing.frame(request.unit, self._transaction, pdu)
        self._question = Question(request.unit, self._transaction, request.table, size, sent)
        self._pending, self._noises = b"", []
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes | None] = loop.create_future()
        self._answer = answer
        limit = loop.call_later(self._timeout_s, self.end)
        try:
            transport.write(sent)
            return await answer
        finally:
            limit.cancel()
            self._answer = None

    def received(self, data: bytes) -> None:
        """Take what came."""
        data = self._pending + data
        if len(data) > _MOST_BYTES:
            self._noises += self._framing.left(data, self._question)
            self._pending = b""
            return
        taken = self._framing.take(data, self._question)
        self._pending = data[taken.used :]
        if taken.noises:
            self._noises += taken.noises
            if Noise.BABBLE in taken.noises and isinstance(self._framing, Mbap):
                self._on_babble()
        if taken.pdu is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(taken.pdu)

    def end(self) -> None:
        """Wait for no answer any more."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)

    def noises(self) -> list[Noise]:
        """Return all that came beside the answer to the last question, or instead of it."""
        if not self._pending:
            return self._noises
        left = self._framing.left(self._pending, self._question)
        self._pending = b""
        return [*self._noises, *left]
