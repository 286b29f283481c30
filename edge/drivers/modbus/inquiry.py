"""Asking a line on behalf of a person: one question at a time, with rests, no longer than a silent unit deserves."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from edge.clock import Clock
from edge.drivers.modbus.answer import DIVISIBLE, UNANSWERED, Answer, Status, status_of
from edge.drivers.modbus.plan import Request, Span, Table, plan, split
from edge.drivers.modbus.session import Session
from edge.drivers.modbus.timing import data_size

# a person waits; a line in use should not notice
_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question: `data` of a whole answer, or the status that says why there is none."""

    status: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a point's own registers or bit hold, as they came, or why they are not known."""

    request: Request
    status: int
    data: bytes = b""


class Inquiry:
    """One look at a line.

    Attributes:
        asked: Requests so far, repetitions included.
        silent: Units that did not answer twice.
    """

    def __init__(self, session: Session, clock: Clock, pauses: Mapping[int, float]) -> None:
        """`session` is open; `pauses`: seconds of rest that a unit needs after an answer."""
        self.asked = 0
        self.silent: set[int] = set()
        self._session = session
        self._clock = clock
        self._pauses = pauses
        self._trips: dict[int, list[float]] = {}

    @property
    def round_trip_s(self) -> float | None:
        """The median of the requests that were answered; None if none was."""
        trips = [trip for trips in self._trips.values() for trip in trips]
        return statistics.median(trips) if trips else None

    def answers_in_s(self, unit: int) -> float | None:
        """Return the median of a unit's answers; None if it gave none."""
        trips = self._trips.get(unit)
        return statistics.median(trips) if trips else None

    async def ask(self, request: Request, tries: int = 2) -> Reply:
        """Ask once more what was not answered; a unit that is silent is left alone.

        Raises:
            DriverError: The connection is gone.
        """
        status = 0
        for _ in range(0 if request.unit in self.silent else tries):
            began = self._clock.monotonic()
            answer = await self._session.ask(request, data_size(request))
            self.asked += 1
            status = status_of(answer, request.table, data_size(request))
            if status not in UNANSWERED:
                self._trips.setdefault(request.unit, []).append(self._clock.monotonic() - began)
                await self._clock.sleep(max(_PAUSE_S, self._pauses.get(request.unit, 0.0)))
                return Reply(status, answer.data if isinstance(answer, Answer) and not status else b"")
        if request.unit not in self._trips:
            self.silent.add(request.unit)
        return Reply(status or Status.TIMEOUT)

    async def read(self, request: Request) -> dict[int, Seen]:
        """Read every point of a request, each apart where they cannot be read together.

        Raises:
            DriverError: The connection is gone.
        """
        reply = await self.ask(request)
        if not reply.status:
            return {span.point: Seen(request, 0, _own(reply.data, request, span)) for span in request.spans}
        parts = split(request) if reply.status in DIVISIBLE else None
        if parts is None:
            return {span.point: Seen(request, reply.status) for span in request.spans}
        return {**await self.read(parts[0]), **await self.read(parts[1])}


def probe(unit: int, table: Table, address: int, width: int = 1) -> Request:
    """Return a request that belongs to no point."""
    (request,) = plan([Span(0, unit, table, address, width, 1.0)])
    return request


def _own(data: bytes, request: Request, span: Span) -> bytes:
    offset = span.address - request.address
    if request.table.is_bits:
        return bytes([data[offset // 8] >> offset % 8 & 1])
    return data[2 * offset : 2 * (offset + span.width)]
