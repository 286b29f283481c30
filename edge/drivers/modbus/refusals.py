"""What devices refused to read, and how requests are divided and mended because of it; pure.

One address that a device does not have makes it refuse the whole block. So a refused block is divided until
the good points are apart from the bad one; readable parts that touch are joined again, so that one bad point
costs its block two more requests and not six. What was refused once is not put together again: not in this session,
nor, for what the device refused by an exception, in any later one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.drivers.modbus.plan import Request, join, split


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """Items that were asked for together."""

    unit: int
    table: int
    address: int
    count: int

    @classmethod
    def of(cls, request: Request) -> "Extent":
        """Return what a request asks for."""
        return cls(request.unit, int(request.table), request.address, request.count)


class Refusals:
    """Remembers refusals, session after session; `begin` starts one."""

    def __init__(self, known: Iterable[Extent] = ()) -> None:
        """Begin with what is known from earlier."""
        self._lasting = set(known)
        # what was only not answered may be answered in the next session
        self._passing: set[Extent] = set()
        # parts not answered yet, and those that were
        self._untried: list[Request] = []
        self._readable: list[Request] = []

    @property
    def lasting(self) -> frozenset[Extent]:
        """What devices refused by an exception."""
        return frozenset(self._lasting)

    def begin(self, requests: Sequence[Request]) -> list[Request]:
        """Start a session; return the requests that ask the same without what was refused, where they can be parted."""
        self._passing.clear()
        self._untried.clear()
        self._readable.clear()
        return [part for request in requests for part in self._around(request)]

    def divide(self, request: Request, *, is_lasting: bool = True) -> tuple[Request, Request] | None:
        """Note that a request was refused; return the two to ask in its place, None if it cannot be divided."""
        parts = split(request)
        if parts is not None or is_lasting:
            (self._lasting if is_lasting else self._passing).add(Extent.of(request))
        if parts is not None:
            self._untried.extend(parts)
            for known in (self._untried, self._readable):
                if request in known:
                    known.remove(request)
        return parts

    def mend(self, request: Request) -> tuple[Request, Request] | None:
        """Note that a request was answered; return a readable neighbour, and the one request to ask for both."""
        if self._lasting:
            self._lasting.discard(Extent.of(request))
        if request not in self._untried:
            return None
        self._untried.remove(request)
        for other in self._readable:
            whole = join(request, other)
            if whole is not None and not self._is_refused(whole):
                self._readable.remove(other)
                self._untried.append(whole)
                return other, whole
        self._readable.append(request)
        return None

    def _around(self, request: Request) -> Iterator[Request]:
        """Divide a request as far as what was refused demands, and join what it does not keep apart."""
        waiting: list[Request] = []
        for part in self._parts(request):
            whole = join(waiting[-1], part) if waiting else None
            if whole is not None and not self._is_refused(whole):
                waiting[-1] = whole
            else:
                waiting.append(part)
        yield from waiting

    def _parts(self, request: Request) -> Iterator[Request]:
        parts = split(request) if self._is_refused(request) else None
        if parts is None:
            yield request
        else:
            for part in parts:
                yield from self._parts(part)

    def _is_refused(self, whole: Request) -> bool:
        """Tell whether a request asks for all that was asked together and refused."""
        return any(_covers(whole, part) for refused in (self._lasting, self._passing) for part in refused)


def _covers(whole: Request, part: Extent) -> bool:
    is_same_table = (whole.unit, whole.table) == (part.unit, part.table)
    starts_before = whole.address <= part.address
    return is_same_table and starts_before and part.address + part.count <= whole.address + whole.count
