"""The simulated plant: which machines there are, what each shows, and what each speaks; pure and seeded."""

from collections.abc import Sequence

from shared.reading import ReadingType
from simulators.machine import Kind, Machine, Protocol, Role, Signal

_BASE = (
    Signal("state", Kind.INT, ReadingType.STATE, role=Role.STATE),
    Signal("good", Kind.INT, ReadingType.GOOD_COUNT, role=Role.GOOD),
    Signal("reject", Kind.INT, ReadingType.REJECT_COUNT, role=Role.REJECT),
    Signal("cycle_s", Kind.FLOAT, ReadingType.CYCLE_TIME, "s", role=Role.CYCLE_TIME),
    Signal("alarm", Kind.INT, ReadingType.ALARM_CODE, role=Role.ALARM),
    Signal("door_open", Kind.BOOL, ReadingType.CUSTOM, role=Role.DOOR),
    Signal("energy_kwh", Kind.FLOAT, ReadingType.ENERGY, "kW.h", role=Role.ENERGY),
    Signal("power_kw", Kind.FLOAT, ReadingType.POWER, "kW", running=11.0, resting=1.5, tau_s=2, noise=0.12),
    Signal("current_a", Kind.FLOAT, ReadingType.CURRENT, "A", running=21.0, resting=3.0, tau_s=2, noise=0.2),
)


def _analogue(
    name: str, reading_type: ReadingType, unit: str, levels: tuple[float, float], tau_s: float, noise: float
) -> Signal:
    running, resting = levels
    return Signal(name, Kind.FLOAT, reading_type, unit, Role.ANALOGUE, running, resting, tau_s, noise)


PRESS = (
    *_BASE,
    _analogue("force_kn", ReadingType.CUSTOM, "kN", (820, 0), 0.5, 6),
    _analogue("oil_c", ReadingType.TEMPERATURE, "Cel", (48, 22), 90, 0.05),
    _analogue("mould_c", ReadingType.TEMPERATURE, "Cel", (62, 24), 60, 0.05),
    _analogue("melt_c", ReadingType.TEMPERATURE, "Cel", (225, 60), 45, 0.3),
    _analogue("hydraulic_bar", ReadingType.PRESSURE, "bar", (145, 12), 2, 0.9),
    _analogue("injection_bar", ReadingType.PRESSURE, "bar", (910, 0), 1, 7),
    _analogue("screw_rpm", ReadingType.SPEED, "/min", (120, 0), 1, 1.5),
    _analogue("vibration_mm_s", ReadingType.VIBRATION, "mm/s", (2.8, 0.2), 2, 0.12),
)
CNC = (
    *_BASE,
    _analogue("spindle_rpm", ReadingType.SPEED, "/min", (8200, 0), 1.5, 22),
    _analogue("spindle_load", ReadingType.TORQUE, "%", (61, 2), 1, 2.2),
    _analogue("feed_mm_min", ReadingType.FEED_RATE, "mm/min", (1450, 0), 1, 18),
    _analogue("spindle_c", ReadingType.TEMPERATURE, "Cel", (41, 21), 120, 0.04),
    _analogue("coolant_c", ReadingType.TEMPERATURE, "Cel", (27, 20), 180, 0.03),
    _analogue("coolant_l_min", ReadingType.FLOW, "L/min", (18, 0), 1, 0.3),
    _analogue("vibration_mm_s", ReadingType.VIBRATION, "mm/s", (1.9, 0.1), 2, 0.15),
    _analogue("voltage_v", ReadingType.VOLTAGE, "V", (398, 401), 1, 0.6),
)
PACKER = (
    *_BASE,
    _analogue("belt_m_s", ReadingType.SPEED, "m/s", (0.8, 0), 1, 0.01),
    _analogue("seal_c", ReadingType.TEMPERATURE, "Cel", (168, 80), 30, 0.4),
    _analogue("air_bar", ReadingType.PRESSURE, "bar", (6.1, 6.4), 2, 0.03),
    _analogue("vacuum_bar", ReadingType.PRESSURE, "bar", (-0.82, 0), 1, 0.01),
    _analogue("weight_g", ReadingType.CUSTOM, "g", (502, 0), 1, 1.1),
    _analogue("film_m", ReadingType.LEVEL, "m", (310, 310), 600, 0.4),
    _analogue("humidity", ReadingType.HUMIDITY, "%", (46, 46), 60, 0.08),
    _analogue("ambient_c", ReadingType.TEMPERATURE, "Cel", (24, 23), 300, 0.02),
)
_TYPES = (
    ("PRESS", Protocol.OPCUA, PRESS, 4.0),
    ("CNC", Protocol.MODBUS, CNC, 7.0),
    ("PACKER", Protocol.MQTT, PACKER, 1.5),
)


def plant(machines_of_each: int = 4, *, seed: int = 1) -> list[Machine]:
    """Build a plant: presses on OPC UA, CNC machines on Modbus and packers on MQTT, 17 signals each.

    Args:
        machines_of_each: Machines a type; 4 makes 12 machines and 204 tags.
        seed: Makes their behaviour repeatable.
    """
    return [
        Machine(f"{name}-{number:02}", protocol, signals, seed=seed, ideal_cycle_s=cycle_s)
        for name, protocol, signals, cycle_s in _TYPES
        for number in range(1, machines_of_each + 1)
    ]


def fillers(machines: int = 4, *, seed: int = 1) -> list[Machine]:
    """Build fillers, which speak Sparkplug B; they stand beside the plant, and are there only when asked for."""
    return [
        Machine(f"FILLER-{number:02}", Protocol.SPARKPLUG, PACKER, seed=seed, ideal_cycle_s=2.0)
        for number in range(1, machines + 1)
    ]


def speaking(machines: Sequence[Machine], protocol: Protocol) -> list[Machine]:
    """Return the machines that speak one protocol, in order."""
    return [machine for machine in machines if machine.protocol is protocol]
