"""Modbus as `doctor` and `browse` see it: every tag read once with its raw words, and what is there to be read."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import cast

from edge.clock import Clock
from edge.drivers.inspection import Examination, Finding, Found, Probe, Severity
from edge.drivers.modbus import diagnosis
from edge.drivers.modbus.answer import DIVISIBLE, UNANSWERED, Status
from edge.drivers.modbus.asked import fields_of, pauses_of, spans_of
from edge.drivers.modbus.budget import Budget, budget_of
from edge.drivers.modbus.connection import ModbusConnection
from edge.drivers.modbus.decode import Field
from edge.drivers.modbus.inquiry import Inquiry, Seen, probe
from edge.drivers.modbus.plan import plan
from edge.drivers.modbus.plausible import read, shown, sights, words
from edge.drivers.modbus.scan import Area, areas, blocks, halves
from edge.drivers.modbus.session import Session, quieten
from edge.drivers.modbus.suspicion import Suspicion
from edge.drivers.modbus.timing import turnaround_s, wire_s
from edge.drivers.modbus.values import ValueType
from edge.drivers.spec import ConnectionOptions, Point, Surroundings, TagOptions
from edge.errors import DriverError
from shared.reading import Quality

_WORST_FIRST = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
_FLOAT = Field(ValueType.FLOAT32)
# a likely size and few digits (`plausible.score`)
_A_FLOAT = 2.5


def build(
    name: str,
    options: ConnectionOptions,
    points: Sequence[Point],
    clock: Clock,
    around: Surroundings,  # noqa: ARG001 - nothing of it is needed
) -> "ModbusInspector":
    """Build the inspector of one connection; nothing connects yet."""
    quieten()
    return ModbusInspector(name, cast("ModbusConnection", options), points, clock)


class ModbusInspector:
    """Looks at one line (`edge.drivers.inspection.Inspector`)."""

    def __init__(self, name: str, options: ModbusConnection, points: Sequence[Point], clock: Clock) -> None:
        self._name = name
        self._options = options
        self._points = points
        self._clock = clock
        self._events: Counter[str] = Counter()

    async def examine(self) -> Examination:
        """Read every point once, and look closer at what cannot be read or makes no sense."""
        session, seen, findings = self._session(), dict[int, Seen](), list[Finding]()
        inquiry = Inquiry(session, self._clock, pauses_of(self._points))
        try:
            await session.open()
            for request in plan(spans_of(self._points)):
                seen.update(await inquiry.read(request))
            findings += await self._closer(inquiry, seen)
        except DriverError as error:
            findings.append(Finding(Severity.ERROR, "", error.message))
        finally:
            session.close()
        planned, measured = self._budgets(inquiry, seen)
        findings += diagnosis.silences(self._points, seen, inquiry.silent)
        findings += diagnosis.noises(self._events)
        if self._points:
            took_s = self._turnaround_s(inquiry, seen)
            findings += diagnosis.pace(self._points, planned, measured or planned, took_s)
        return Examination(
            inquiry.round_trip_s is not None,
            inquiry.round_trip_s,
            diagnosis.facts(planned, measured, inquiry.asked),
            list(self._probes(seen)),
            sorted(findings, key=lambda finding: _WORST_FIRST[finding.severity]),
        )

    async def browse(self, where: str, limit_s: float) -> AsyncIterator[Found]:
        """Yield every unit that answers, and each of its addresses that can be read, one question at a time.

        Raises:
            ConfigError: `where` is not of the form `1-10 holding 0-199`.
            DriverError: The connection could not be made, or was lost.
        """
        wanted, end = areas(where), self._clock.monotonic() + limit_s
        session = self._session()
        inquiry = Inquiry(session, self._clock, {})
        try:
            await session.open()
            for area in wanted:
                for unit in area.units:
                    async for found in self._scanned(inquiry, area, unit, end):
                        yield found
        finally:
            session.close()

    def _session(self) -> Session:
        return Session(self._name, self._options, lambda: None, self._clock, self._events)

    async def _closer(self, inquiry: Inquiry, seen: dict[int, Seen]) -> list[Finding]:
        suspicion, ways = Suspicion(inquiry, self._points, seen), diagnosis.sights_of(self._points, seen)
        beside = await suspicion.shifted(ways)
        # registers that are read one beside look swapped, too
        elsewhere = {finding.about for finding in beside}
        orders = [finding for finding in diagnosis.byte_orders(self._points, ways) if finding.about not in elsewhere]
        refused = await suspicion.refused()
        return [
            *beside,
            *orders,
            *refused,
            *diagnosis.refusals(self._points, seen, suspicion.explained, inquiry.silent),
        ]

    def _probes(self, seen: dict[int, Seen]) -> Iterator[Probe]:
        fields = fields_of(self._points)
        for place, it in sorted(seen.items()):
            if it.status:
                code = Status(it.status).name.lower() if it.status in set(Status) else ""
                told = f"exception {it.status}{f' {code}' if code else ''}" if it.status < Status.TIMEOUT else code
                yield Probe(place, "", None, Quality.BAD, told)
            elif it.request.table.is_bits:
                yield Probe(place, str(it.data[0]), float(it.data[0]), Quality.GOOD)
            else:
                value, text = read(fields[place], it.data)
                is_number = value == value  # noqa: PLR0124 - NaN is not itself
                quality = Quality.GOOD if is_number or text is not None else Quality.BAD
                known = text if text is not None else value if is_number else None
                alternatives = shown(sights(fields[place], it.data, self._points[place].options))
                code = "" if known is not None else "not a number"
                yield Probe(place, words(it.data), known, quality, code, alternatives=alternatives)

    def _budgets(self, inquiry: Inquiry, seen: dict[int, Seen]) -> tuple[Budget, Budget | None]:
        """Return what the plan takes as it is reckoned, and with the time that devices really took, if it is more."""
        planned, took_s = budget_of(self._options, self._points), self._turnaround_s(inquiry, seen)
        if not inquiry.round_trip_s:
            return planned, None
        really = self._options.model_copy(update={"turnaround": took_s})
        return planned, budget_of(really, self._points)

    def _turnaround_s(self, inquiry: Inquiry, seen: dict[int, Seen]) -> float:
        trip_s = inquiry.round_trip_s
        if trip_s is None or not seen:
            return turnaround_s(self._options)
        travelling = sorted(wire_s(self._options, it.request) for it in seen.values())
        return max(trip_s - travelling[len(travelling) // 2], 0.0)

    async def _scanned(self, inquiry: Inquiry, area: Area, unit: int, end: float) -> AsyncIterator[Found]:
        """Look at a unit: first whether it is there at all, then block by block, halving what is refused."""
        waiting = list(blocks(area))
        first = await inquiry.ask(probe(unit, area.table, waiting[0].start), tries=1)
        if first.status in UNANSWERED:
            return
        trip_s = inquiry.answers_in_s(unit) or 0.0
        who = {"device": f"unit-{unit}", "device_options": {"unit": unit}}
        yield Found([f"unit {unit}"], note=f"answers in {trip_s * 1000:.3g} ms", **who)  # type: ignore[arg-type]
        while waiting and self._clock.monotonic() < end:
            block = waiting.pop(0)
            reply = await inquiry.ask(probe(unit, area.table, block.start, len(block)), tries=1)
            if reply.status in DIVISIBLE:
                waiting[:0] = halves(block)
            elif not reply.status:
                for found in _items(unit, area, block, reply.data):
                    yield found


def _items(unit: int, area: Area, block: range, data: bytes) -> Iterator[Found]:
    """Return each address of a block that was read."""
    word = area.table.name.lower()
    for place, address in enumerate(block):
        where, name, device = [f"unit {unit}", f"{word} {address}"], f"{word}_{address}", f"unit-{unit}"
        if area.table.is_bits:
            bit = data[place // 8] >> place % 8 & 1
            yield Found(where, name, device, {"unit": unit}, {word: address}, str(bit))
            continue
        own, two = data[2 * place : 2 * place + 2], data[2 * place : 2 * place + 4]
        note = f"0x{words(own)}{_as_float(two)}"
        options = {"register": f"{word} {address}"}
        yield Found(where, name, device, {"unit": unit}, options, str(int.from_bytes(own, "big")), note)


def _as_float(data: bytes) -> str:
    """Say how two registers read as a float, where that is likely: at least two of its marks hold."""
    ways = sights(_FLOAT, data, TagOptions()) if len(data) == 4 else []
    best = max(ways, key=lambda sight: sight.score, default=None)
    if best is None or best.score < _A_FLOAT:
        return ""
    return f"; with the next: float32 {best.value:.6g} ({best.order})"
