"""Whether a line can carry what is asked of it: the bus time of every request, before the first is sent; pure.

A line answers one question at a time. Each takes its frames, the silences between them and the time until the device
answers (`timing`), again in every period; what all of them take of each second is the line's load. A part of the line
is kept for devices that do not answer (`line`). A plan beyond that is impossible: it would be kept by nobody, and each
value would come late by a different amount. So it is refused when the file is read, or stretched, as configured.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edge.drivers.modbus.asked import name_of, pauses_of, spans_of
from edge.drivers.modbus.connection import ModbusConnection
from edge.drivers.modbus.line import SHARE
from edge.drivers.modbus.plan import Request, Span, plan
from edge.drivers.modbus.timing import exchange_s, turnaround_s, wire_s
from edge.drivers.spec import ConnectionOptions, Objection, Point

# for devices that do not answer, and one per cent for finding out who they are
CAPACITY = 1.0 - SHARE - 0.01
# so many requests are shown with their figures
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Need:
    """What one request takes of the line. `exchange_s`: each time; `load`: of every second, 0..1 and beyond."""

    request: Request
    exchange_s: float
    load: float


@dataclass(frozen=True, slots=True)
class Budget:
    """What a plan takes of its line.

    Attributes:
        needs: Of each request, the greediest first.
        load: All that is asked of a second of the line, 0..1 and beyond.
        unit: The unit that is asked most, with its rests, if that is what limits the plan; else None.
        factor: How much longer every period must be for the plan to be kept; 1 if it is.
        stall_s: How long a device that dies holds the line, once, until it is known to be silent.
    """

    needs: Sequence[Need]
    load: float
    unit: int | None
    factor: float
    stall_s: float


def budget(options: ModbusConnection, requests: Sequence[Request], pauses: dict[int, float]) -> Budget:
    """Add up what requests take; `pauses`: seconds of rest that a unit needs after each answer."""
    needs = []
    of_unit: dict[int, float] = defaultdict(float)
    for request in requests:
        took_s = exchange_s(options, request)
        needs.append(Need(request, took_s, took_s / request.every_s))
        of_unit[request.unit] += (took_s + pauses.get(request.unit, 0.0)) / request.every_s
    needs.sort(key=lambda need: (-need.load, need.request.unit, need.request.table, need.request.address))
    load = sum(need.load for need in needs)
    unit = max(of_unit, key=lambda unit: of_unit[unit], default=None)
    busiest = of_unit[unit] if unit is not None else 0.0
    # a unit's rests are free for the others, so it may fill its own time
    by_line = load / CAPACITY
    # one time limit with all repetitions, then another to be sure
    stall_s = options.timeout * (options.retries + 2)
    return Budget(needs, load, unit if busiest > by_line else None, max(1.0, by_line, busiest), stall_s)


def budget_of(options: ModbusConnection, points: Sequence[Point]) -> Budget:
    """Add up what points take when they are planned."""
    return budget(options, plan(spans_of(points)), pauses_of(points))


def stretched(spans: Sequence[Span], factor: float) -> list[Span]:
    """Return the same spans, each read that much less often."""
    return [replace(span, every_s=span.every_s * factor) for span in spans]


def judge(options: ConnectionOptions, points: Sequence[Point]) -> Iterator[Objection]:
    """Object to what the line cannot do (`DriverSpec.judge`)."""
    if not isinstance(options, ModbusConnection) or not points:
        return
    found = budget_of(options, points)
    slowest = max(found.needs, key=lambda need: need.exchange_s)
    if slowest.exchange_s > options.timeout:
        name, wire = name_of(slowest.request, points), f"{ms(wire_s(options, slowest.request))} on the wire"
        message = (
            f"shorter than the exchange that it limits: {name} takes {ms(slowest.exchange_s)} at {options.baud} baud "
            f"({wire}, {ms(turnaround_s(options))} until the device answers); give it at least twice as long, "
            "or read smaller blocks (read.max_registers)"
        )
        yield ("timeout",), message
    if found.factor > 1 and options.when_overloaded == "refuse":
        yield (), f"{overload(found, points)}; {_mend(found, points)}"


def overload(found: Budget, points: Sequence[Point]) -> str:
    """Say with figures that a plan is too much."""
    count = f"{len(found.needs)} request{'s' if len(found.needs) > 1 else ''}"
    examples = ", ".join(
        f"{name_of(need.request, points)} ({ms(need.exchange_s)} every {need.request.every_s:g} s, {need.load:.1%})"
        for need in found.needs[:_SHOWN]
    )
    if found.unit is not None:
        return f"unit {found.unit} cannot be asked as often as it is, with its read.pause; {count}: {examples}"
    return (
        f"the plan needs {found.load:.2f} s of bus time every second, {CAPACITY:.0%} of it can be had; "
        f"{count}, the greediest {examples}"
    )


def _mend(found: Budget, points: Sequence[Point]) -> str:
    periods = {point.every_s for point in points}
    longer = f"make every period {found.factor:.2g} times as long"
    if len(periods) == 1:
        # rounded up to two digits, so that what is proposed is enough
        (period,) = periods
        longer = f"give `every` at least {_rounded_up(period * found.factor):g}s"
    return f"{longer}, ask a faster line for less, or write `when_overloaded: stretch`"


def _rounded_up(seconds: float) -> float:
    digits = 1
    while seconds * digits < 10:
        digits *= 10
    return -(-seconds * digits // 1) / digits


def ms(seconds: float) -> str:
    """Write a duration in milliseconds, a long one in seconds."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
