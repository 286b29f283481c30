"""What a device refused to read, and how its requests are divided and mended because of it; pure.

One address that a device does not have makes it refuse the whole block. So a refused block is divided until
the good points are apart from the bad one; readable parts that touch are joined again, so that one bad point
costs its block two more requests and not six. What was refused once is not put together again.
"""

from edge.drivers.modbus.plan import Request, join, split


class Refusals:
    """Remembers refusals for as long as a session lives."""

    def __init__(self) -> None:
        self._refused: list[Request] = []
        # parts not answered yet, and those that were
        self._untried: list[Request] = []
        self._readable: list[Request] = []

    def divide(self, request: Request) -> tuple[Request, Request] | None:
        """Note that a request was refused; return the two to ask in its place, None if it cannot be divided."""
        parts = split(request)
        if parts is not None:
            self._refused.append(request)
            self._untried.extend(parts)
            for known in (self._untried, self._readable):
                if request in known:
                    known.remove(request)
        return parts

    def mend(self, request: Request) -> tuple[Request, Request] | None:
        """Note that a request was answered; return a readable neighbour, and the one request to ask for both."""
        if request not in self._untried:
            return None
        self._untried.remove(request)
        for other in self._readable:
            whole = join(request, other)
            if whole is not None and not any(_covers(whole, refused) for refused in self._refused):
                self._readable.remove(other)
                self._untried.append(whole)
                return other, whole
        self._readable.append(request)
        return None


def _covers(whole: Request, part: Request) -> bool:
    """Tell whether a request asks for all that another one asked."""
    is_same_table = (whole.unit, whole.table) == (part.unit, part.table)
    starts_before = whole.address <= part.address
    return is_same_table and starts_before and part.address + part.count <= whole.address + whole.count
