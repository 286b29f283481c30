"""What a connection's points ask of its line, and how people call it; pure."""

from collections.abc import Sequence
from typing import cast

from edge.drivers.modbus.config import ModbusDevice, ModbusTag
from edge.drivers.modbus.decode import Field
from edge.drivers.modbus.plan import Request, Span
from edge.drivers.spec import Point


def spans_of(points: Sequence[Point]) -> list[Span]:
    """Return where each point lies, in their order."""
    return [
        cast("ModbusDevice", point.device_options).span(place, cast("ModbusTag", point.options), point.every_s)
        for place, point in enumerate(points)
    ]


def fields_of(points: Sequence[Point]) -> list[Field]:
    """Return how each point is read, in their order."""
    return [
        cast("ModbusTag", point.options).field(cast("ModbusDevice", point.device_options).byte_order)
        for point in points
    ]


def pauses_of(points: Sequence[Point]) -> dict[int, float]:
    """Return the rest that each unit needs after an answer, seconds; the longest that one of its devices asks."""
    pauses: dict[int, float] = {}
    for point in points:
        device = cast("ModbusDevice", point.device_options)
        pauses[device.unit] = max(device.read.pause, pauses.get(device.unit, 0.0))
    return pauses


def devices_of(requests: Sequence[Request], points: Sequence[Point]) -> list[str]:
    """Return the devices that requests are for."""
    return sorted({points[span.point].device for request in requests for span in request.spans})


def name_of(request: Request, points: Sequence[Point]) -> str:
    """Name a block as its configuration does: `press-3.power_kw: holding 40`, `press-3: holding 40 to 99`."""
    asked = [points[span.point] for span in request.spans]
    base = cast("ModbusDevice", asked[0].device_options).address_base
    first, last = request.address + base, request.address + base + request.count - 1
    who = f"{asked[0].device}.{asked[0].name}" if len(asked) == 1 else asked[0].device
    where = f"{first}" if len(asked) == 1 or first == last else f"{first} to {last}"
    return f"{who}: {request.table.name.lower()} {where}"
