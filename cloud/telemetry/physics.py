"""Owns which values there can be: the units of each type of reading, and the range that nature or counting sets.

A range is what no machine can leave, not what one should keep to: whatever lies outside was typed or converted
wrongly. What a machine should keep to are its own limits, and a value beyond those is kept and flagged.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shared.reading import ReadingType

_ANY = math.inf
# integers are exact in a double up to here
EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as multiple of the type's first one: value in the first = value x scale + offset."""

    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What values of a type of reading can be.

    Attributes:
        low, high: The closed range, in the first unit.
        units: By UCUM code; the first is meant where none is given. Empty: any unit.
        is_whole: Only integers count something.
    """

    low: float
    high: float
    units: Mapping[str, Unit]
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """What a value could have been, in the unit in which it was given."""

    low: float
    high: float


_COUNT = Kind(0, EXACT, {"": Unit()}, is_whole=True)
# Absolute zero and vacuum are nature's; the other bounds are beyond any machine built: 10,000 °C is hotter than an
# arc's electrode, 10,000 bar than isostatic presses, 1,000,000 /min than turbo spindles, 1 TWh more than a plant uses.
KINDS: Mapping[ReadingType, Kind] = {
    ReadingType.TEMPERATURE: Kind(
        -273.15, 10_000, {"Cel": Unit(), "K": Unit(1, -273.15), "[degF]": Unit(5 / 9, -160 / 9)}
    ),
    # as gauges show it: 0 is the air's pressure, and a vacuum is 1.01325 bar below
    ReadingType.PRESSURE: Kind(
        -1.01325,
        10_000,
        {
            "bar": Unit(),
            "mbar": Unit(1e-3),
            "Pa": Unit(1e-5),
            "kPa": Unit(1e-2),
            "MPa": Unit(10),
            "[psi]": Unit(0.0689476),
        },
    ),
    ReadingType.HUMIDITY: Kind(0, 100, {"%": Unit()}),
    ReadingType.VIBRATION: Kind(0, 1e6, {"mm/s": Unit(), "m/s2": Unit(), "[g]": Unit(), "um": Unit()}),
    ReadingType.SPEED: Kind(-1e6, 1e6, {"/min": Unit(), "/s": Unit(60), "Hz": Unit(60)}),
    ReadingType.FEED_RATE: Kind(-1e7, 1e7, {"mm/min": Unit(), "m/min": Unit(1000), "mm/s": Unit(60)}),
    ReadingType.TORQUE: Kind(-1e8, 1e8, {"N.m": Unit(), "kN.m": Unit(1000)}),
    ReadingType.CURRENT: Kind(-1e6, 1e6, {"A": Unit(), "mA": Unit(1e-3), "kA": Unit(1e3)}),
    ReadingType.VOLTAGE: Kind(-2e6, 2e6, {"V": Unit(), "mV": Unit(1e-3), "kV": Unit(1e3)}),
    # a drive that brakes gives power back
    ReadingType.POWER: Kind(-1e6, 1e6, {"kW": Unit(), "W": Unit(1e-3), "MW": Unit(1e3)}),
    ReadingType.ENERGY: Kind(0, 1e9, {"kW.h": Unit(), "W.h": Unit(1e-3), "MW.h": Unit(1e3), "MJ": Unit(1 / 3.6)}),
    ReadingType.FLOW: Kind(-1e6, 1e6, {"L/min": Unit(), "L/h": Unit(1 / 60), "m3/h": Unit(1000 / 60)}),
    ReadingType.LEVEL: Kind(0, 100, {"%": Unit(), "mm": Unit(1e-3), "m": Unit()}),
    # a cycle that takes a week is a stop
    ReadingType.CYCLE_TIME: Kind(0, 604_800, {"s": Unit(), "ms": Unit(1e-3), "min": Unit(60)}),
    ReadingType.SHOT_COUNT: _COUNT,
    ReadingType.GOOD_COUNT: _COUNT,
    ReadingType.REJECT_COUNT: _COUNT,
    ReadingType.PART_COUNT: _COUNT,
    ReadingType.ALARM_CODE: Kind(0, 2**31 - 1, {"": Unit()}, is_whole=True),
    ReadingType.CUSTOM: Kind(-_ANY, _ANY, {}),
}
"""By type; `state` has words instead of numbers."""

# how people write what UCUM writes otherwise
WRITTEN: Mapping[str, str] = {
    "°C": "Cel", "C": "Cel", "degC": "Cel", "°F": "[degF]", "F": "[degF]", "°K": "K", "psi": "[psi]", "rpm": "/min",
    "1/min": "/min", "d/dk": "/min", "1/s": "/s", "Nm": "N.m", "N·m": "N.m", "kNm": "kN.m", "kWh": "kW.h", "Wh": "W.h",
    "MWh": "MW.h", "l/min": "L/min", "lpm": "L/min", "l/h": "L/h", "m³/h": "m3/h", "m/s²": "m/s2", "g": "[g]",
    "µm": "um", "μm": "um", "sec": "s", "sn": "s", "dk": "min", "1": "", "pcs": "", "adet": "",
}  # fmt: skip


def code_of(unit: str | None, kind: Kind) -> str | None:
    """Return a unit's UCUM code, the type's first unit where none is given, or None for one it cannot have."""
    if unit is None:
        return next(iter(kind.units), "")
    code = WRITTEN.get(unit, unit)
    if kind.units:
        return code if code in kind.units else None
    return unit


def range_of(kind: Kind, unit: str) -> Range:
    """Return the range of a type in one of its units."""
    how = kind.units.get(unit, Unit())
    return Range((kind.low - how.offset) / how.scale, (kind.high - how.offset) / how.scale)


def in_first_unit(kind: Kind, value: float, unit: str) -> float:
    """Return a value in the type's first unit."""
    how = kind.units.get(unit, Unit())
    return value * how.scale + how.offset
