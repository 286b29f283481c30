"""A closer look where something is wrong: at the other table, the neighbours, and one register beside."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge.drivers.inspection import Finding, Severity
from edge.drivers.modbus.answer import Status
from edge.drivers.modbus.asked import fields_of, name_of
from edge.drivers.modbus.diagnosis import base_of, by_device
from edge.drivers.modbus.inquiry import Inquiry, Seen, probe
from edge.drivers.modbus.plan import Request, Table
from edge.drivers.modbus.plausible import CLEARLY, Sight, consensus, sights
from edge.drivers.spec import Point

_OTHER = {
    Table.HOLDING: Table.INPUT,
    Table.INPUT: Table.HOLDING,
    Table.COIL: Table.DISCRETE,
    Table.DISCRETE: Table.COIL,
}
_REFUSED = frozenset({Status.ILLEGAL_FUNCTION, Status.ILLEGAL_ADDRESS, Status.ILLEGAL_VALUE})
# how far neighbours are looked for, and how many questions all suspicion together is worth
_REACH = (-1, 1, -2, 2)
_MOST = 40
# a mean score below it is nothing that somebody measured
_SENSIBLE = 1.0
# a difference of scores that says nothing
_EQUALLY = 0.2


class Suspicion:
    """Looks closer at one line.

    Attributes:
        explained: Points whose trouble a finding explains.
    """

    def __init__(self, inquiry: Inquiry, points: Sequence[Point], seen: Mapping[int, Seen]) -> None:
        self.explained: set[int] = set()
        self._inquiry = inquiry
        self._points = points
        self._seen = seen
        self._fields = fields_of(points)
        self._left = _MOST

    async def refused(self) -> list[Finding]:
        """Look around what a device says it does not have.

        Raises:
            DriverError: The connection is gone.
        """
        found = []
        for place, seen in self._seen.items():
            if seen.status in _REFUSED and len(seen.request.spans) == 1:
                finding = await self._look_around(seen)
                if finding is not None:
                    self.explained.add(place)
                    found.append(finding)
        return found

    async def shifted(self, ways: Mapping[int, list[Sight]]) -> list[Finding]:
        """Read devices whose numbers make no sense again, one register below and above.

        Neighbouring numbers that are read one register beside look much as if their registers were swapped, and the
        other way round. What makes the better sense is told, and both where they are equal.

        Raises:
            DriverError: The connection is gone.
        """
        found = []
        for device, seen in by_device(self._points, ways).items():
            here = consensus(seen)
            if here is None or here.configured >= _SENSIBLE:
                continue
            base = base_of(next(point for point in self._points if point.device == device))
            # what a wrong base does first: where every second register begins a number, both directions make sense
            beside = [await self._beside(device, shift, ways) for shift in ((1, -1) if base else (-1, 1))]
            sensible = [finding for finding in beside if finding is not None]
            found += sensible[:1]
        return found

    async def _look_around(self, seen: Seen) -> Finding | None:
        request, where = seen.request, name_of(seen.request, self._points).partition(": ")[2]
        code = f"exception {seen.status}, {Status(seen.status).name.lower().replace('_', ' ')}"
        point = self._points[request.spans[0].point]
        number = request.address + base_of(point)
        other = _OTHER[request.table]
        tag = f"{point.device}.{point.name}"
        if await self._is_readable(request, other, request.address):
            word = other.name.lower()
            key = f"{word}: {number}" if other.is_bits else f"register: {word} {number}"
            return Finding(Severity.ERROR, tag, f"{where} is refused ({code}), but {word} {number} can be read", key)
        near = [shift for shift in _REACH if await self._is_readable(request, request.table, request.address + shift)]
        if near:
            numbers = ", ".join(str(number + shift) for shift in sorted(near))
            return Finding(
                Severity.ERROR,
                tag,
                f"{where} is refused ({code}); nearest that can be read: {request.table.name.lower()} {numbers}",
                "compare the number with the manual; if that counts from 1, `address_base: 1`"
                if -1 in near and not base_of(point)
                else "compare the number and `type` with the manual",
            )
        return Finding(
            Severity.ERROR,
            tag,
            f"{where} is refused ({code}), and so are its neighbours and the same number of the other table",
            "compare number, table and `unit` with the manual",
        )

    async def _is_readable(self, like: Request, table: Table, address: int) -> bool:
        if self._left <= 0 or not 0 <= address <= 65536 - like.count:
            return False
        self._left -= 1
        reply = await self._inquiry.ask(probe(like.unit, table, address, like.count), tries=1)
        return not reply.status

    async def _read_beside(self, device: str, shift: int) -> dict[int, list[Sight]]:
        requests: dict[Request, list[int]] = defaultdict(list)
        for place, seen in self._seen.items():
            if self._points[place].device == device and not seen.status and not seen.request.table.is_bits:
                requests[seen.request].append(place)
        ways: dict[int, list[Sight]] = {}
        for request, places in requests.items():
            if self._left <= 0 or not 0 <= request.address + shift <= 65536 - request.count:
                continue
            self._left -= 1
            moved = replace(request, address=request.address + shift)
            reply = await self._inquiry.ask(moved, tries=1)
            if reply.status:
                continue
            for span in request.spans:
                if span.point in places:
                    offset = 2 * (span.address - request.address)
                    own = reply.data[offset : offset + 2 * span.width]
                    ways[span.point] = sights(self._fields[span.point], own, self._points[span.point].options)
        return ways

    async def _beside(self, device: str, shift: int, ways: Mapping[int, list[Sight]]) -> Finding | None:
        """Say that a device makes sense one register beside; None if it does not, or less than in another order."""
        beside = await self._read_beside(device, shift)
        # only what was read both ways can be compared: there is nothing below register 0
        here, there = consensus([ways[place] for place in beside if place in ways]), consensus(list(beside.values()))
        if here is None or there is None or there.best_score < _SENSIBLE:
            return None
        is_order_right = there.configured >= there.best_score - CLEARLY
        better = (there.configured if is_order_right else there.best_score) - here.best_score
        if better <= (-_EQUALLY if is_order_right else CLEARLY):
            return None
        base = base_of(next(point for point in self._points if point.device == device))
        where = "lower" if shift < 0 else "higher"
        fix = f"address_base: {1 if shift < 0 else 0}"
        if base == (1 if shift < 0 else 0):
            fix = f"each tag's number one {where}"
        if not is_order_right:
            fix += f", and byte_order: {there.best}"
        message = f"its numbers make sense one register {where} than they are read"
        # its twin is only ruled out by a clear difference
        if here.is_clear and better < CLEARLY:
            message += f", and as well in byte order `{here.best}`; compare one with the device's display"
            fix = f"byte_order: {here.best}; or {fix}"
        return Finding(Severity.ERROR, device, message, fix)
