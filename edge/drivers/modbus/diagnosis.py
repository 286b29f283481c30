"""What the answers of one look at a line say about its configuration; pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

from edge.drivers.inspection import Finding, Severity
from edge.drivers.modbus.answer import UNANSWERED, Status
from edge.drivers.modbus.asked import devices_of, fields_of, name_of
from edge.drivers.modbus.budget import CAPACITY, Budget, ms, overload
from edge.drivers.modbus.config import ModbusDevice, ModbusTag
from edge.drivers.modbus.inquiry import Seen
from edge.drivers.modbus.plausible import Consensus, Sight, consensus, likely, sights
from edge.drivers.spec import Point

_NOISES = {
    "noise_echo": (
        Severity.NOTE,
        "the adapter echoes what is sent ({count} times); that does no harm here",
        "switch its local echo off where it has such a switch",
    ),
    "noise_checksum": (
        Severity.WARNING,
        "{count} frames did not check",
        "compare baud, parity and stop bits with the device; look at termination, shield and common ground",
    ),
    "noise_truncated": (
        Severity.WARNING,
        "{count} answers broke off",
        "give `timeout` more time; look at termination and shield",
    ),
    "noise_stray": (
        Severity.WARNING,
        "{count} answers were for somebody else",
        "look for a second master on the line and for two devices with one address; give `timeout` more time",
    ),
    "noise_babble": (
        Severity.WARNING,
        "noise came before {count} answers",
        "look at termination, bias resistors and shield of the line",
    ),
}


# what servers in front of several units answer for one that is not there
_NOBODY = {Status.ILLEGAL_FUNCTION, Status.DEVICE_FAILURE, Status.GATEWAY_PATH_UNAVAILABLE, Status.GATEWAY_NO_RESPONSE}


def sights_of(points: Sequence[Point], seen: Mapping[int, Seen]) -> dict[int, list[Sight]]:
    """Return the ways to read each point that was read."""
    fields = fields_of(points)
    return {
        place: sights(fields[place], it.data, points[place].options)
        for place, it in seen.items()
        if not it.status and not it.request.table.is_bits
    }


def by_device(points: Sequence[Point], ways: Mapping[int, list[Sight]]) -> dict[str, list[list[Sight]]]:
    """Gather the points of each device that have its own byte order."""
    found: dict[str, list[list[Sight]]] = defaultdict(list)
    for place, seen in ways.items():
        if seen and cast("ModbusTag", points[place].options).byte_order is None:
            found[points[place].device].append(seen)
    return found


def byte_orders(points: Sequence[Point], ways: Mapping[int, list[Sight]]) -> Iterator[Finding]:
    """Say where another byte order is clearly likelier."""
    for device, seen in by_device(points, ways).items():
        found = consensus(seen)
        if found is None or not found.is_clear:
            continue
        yield _misread(device, found, seen)
    for place, alone in ways.items():
        point = points[place]
        if len(alone) > 2 and cast("ModbusTag", point.options).byte_order is not None and likely(alone) is not alone[0]:
            yield _misread(f"{point.device}.{point.name}", Consensus(0, likely(alone).order, 0), [alone])


def _misread(about: str, found: Consensus, seen: Sequence[Sequence[Sight]]) -> Finding:
    # the value that shows it best
    worst = max(seen, key=lambda alone: likely(alone).score - alone[0].score)
    better = next((sight for sight in worst if sight.order is found.best), likely(worst))
    return Finding(
        Severity.ERROR,
        about,
        f"its numbers make no sense in byte order `{worst[0].order}` ({worst[0].value:.4g}), "
        f"but do in `{found.best}` ({better.value:.6g})",
        f"byte_order: {found.best}",
    )


def silences(points: Sequence[Point], seen: Mapping[int, Seen], silent: Collection[int]) -> Iterator[Finding]:
    """Say which units do not answer at all, and what came instead."""
    for unit in sorted(silent):
        mine = [it for it in seen.values() if it.request.unit == unit]
        devices = devices_of([it.request for it in mine], points)
        instead = {it.status for it in mine} - {int(Status.TIMEOUT)}
        came = (
            f" (what came: {', '.join(Status(status).name.lower() for status in sorted(instead))})" if instead else ""
        )
        yield Finding(
            Severity.ERROR,
            ", ".join(devices),
            f"unit {unit} does not answer{came}",
            "check its supply, its address and, on RS-485, A and B; see who answers with "
            f'`tezgah-edge browse CONFIG CONNECTION "1-{max(unit, 10)} holding 0-9"`',
        )


def refusals(
    points: Sequence[Point], seen: Mapping[int, Seen], explained: Collection[int], silent: Collection[int]
) -> Iterator[Finding]:
    """Say what was refused, or answered in a wrong way, unless that is explained already."""
    told = set()
    for place, it in seen.items():
        if not it.status or place in explained or it.request in told or it.request.unit in silent:
            continue
        told.add(it.request)
        about, _, where = name_of(it.request, points).partition(": ")
        word = Status(it.status).name.lower() if it.status in set(Status) else f"exception {it.status}"
        code = f"exception {it.status}, {word}" if it.status < Status.TIMEOUT else word.replace("_", " ")
        if it.status in UNANSWERED:
            yield Finding(
                Severity.ERROR,
                about,
                f"{where} is not answered ({code}), while its unit answers others",
                "check the number; some devices say nothing to what they do not have: `max_gap: 0` keeps clear of it",
            )
            continue
        yield Finding(Severity.ERROR, about, f"{where}: {code}", _meant(it, seen))


def _meant(refused: Seen, seen: Mapping[int, Seen]) -> str:
    """Return what to do about an exception that no address explains."""
    unit = refused.request.unit
    answers = any(not it.status for it in seen.values() if it.request.unit == unit)
    if refused.status in _NOBODY and not answers:
        return (
            f"many servers say so of a unit that they do not have: is `unit: {unit}` right? See who answers with "
            f'`tezgah-edge browse CONFIG CONNECTION "1-{max(unit, 10)} holding 0-9"`'
        )
    return "look the exception up in the device's manual"


def noises(events: Mapping[str, int]) -> Iterator[Finding]:
    """Say what else was heard on the line."""
    for event, (severity, message, fix) in _NOISES.items():
        if count := events.get(event, 0):
            yield Finding(severity, "", message.format(count=count), fix)


def pace(points: Sequence[Point], planned: Budget, measured: Budget, turnaround_s: float) -> Iterator[Finding]:
    """Say whether the line can keep its plan, given how long its devices really take."""
    if planned.factor > 1:
        fix = f"make periods {planned.factor:.2g} times as long"
        yield Finding(Severity.ERROR, "", overload(planned, points), fix)
    elif measured.factor > 1:
        yield Finding(
            Severity.WARNING,
            "",
            f"devices take {ms(turnaround_s)} until they answer, more than the plan reckons with; so "
            f"{overload(measured, points)}",
            f"turnaround: {turnaround_s * 1000:.0f}ms, and periods {measured.factor:.2g} times as long",
        )


def facts(planned: Budget, measured: Budget | None, asked: int) -> list[tuple[str, str]]:
    """Say what the plan asks of the line."""
    found = [
        ("planned requests", str(len(planned.needs))),
        ("bus time", f"{planned.load:.1%} as planned, {CAPACITY:.0%} can be had"),
        ("a dead device", f"holds the line for {ms(planned.stall_s)} once, then rests"),
        ("asked now", f"{asked} requests"),
    ]
    if measured is not None:
        found.insert(2, ("bus time measured", f"{measured.load:.1%}"))
    return found


def base_of(point: Point) -> int:
    """Return the number of the first register as its device counts."""
    return cast("ModbusDevice", point.device_options).address_base
