"""One simulated machine: it warms, wears, stops, produces and scraps; pure, and the same for the same seed."""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.reading import MachineState, ReadingType


class Kind(StrEnum):
    """How a protocol should carry a signal."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"


class Protocol(StrEnum):
    """What a machine speaks."""

    OPCUA = "opcua"
    MODBUS = "modbus"
    MQTT = "mqtt"
    SPARKPLUG = "sparkplug"


# what a PLC says about its state: a small number; the gateway's `map` gives it its word
STATES = {
    0: MachineState.OFF,
    1: MachineState.SETUP,
    2: MachineState.PRODUCING,
    3: MachineState.FAULTED,
    4: MachineState.IDLE,
}
_OFF, _SETUP, _PRODUCING, _FAULTED, _IDLE = STATES
# mean seconds in a state and what may follow it with which weight: a busy plant, so that a demo shows every state
_DWELL_S = {_OFF: 15.0, _SETUP: 12.0, _PRODUCING: 60.0, _FAULTED: 10.0, _IDLE: 8.0}
_NEXT = {
    _OFF: ((_SETUP, 1.0),),
    _SETUP: ((_PRODUCING, 1.0),),
    _PRODUCING: ((_IDLE, 0.6), (_FAULTED, 0.25), (_SETUP, 0.13), (_OFF, 0.02)),
    _FAULTED: ((_PRODUCING, 0.7), (_SETUP, 0.3)),
    _IDLE: ((_PRODUCING, 1.0),),
}


class Role(StrEnum):
    """Signals that follow the machine's state and counts; every other signal is analogue."""

    STATE = "state"
    GOOD = "good"
    REJECT = "reject"
    CYCLE_TIME = "cycle_time"
    ALARM = "alarm"
    DOOR = "door"
    ENERGY = "energy"
    ANALOGUE = "analogue"


@dataclass(frozen=True, slots=True)
class Signal:
    """One measured quantity of a machine.

    `running` and `resting` are what an analogue signal tends to in `unit`, within `tau_s` seconds and with
    noise of standard deviation `noise`; a role other than analogue ignores them.
    """

    name: str
    kind: Kind
    reading_type: ReadingType
    unit: str = ""
    role: Role = Role.ANALOGUE
    running: float = 0.0
    resting: float = 0.0
    tau_s: float = 5.0
    noise: float = 0.0


def _single(value: float) -> float:
    """Round to what an IEEE 754 single holds, so that every protocol carries the same number."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


class Machine:
    """A machine of the simulated plant. `advance` moves it to an instant; `values` says what its signals show then."""

    def __init__(
        self, code: str, protocol: Protocol, signals: Sequence[Signal], *, seed: int, ideal_cycle_s: float
    ) -> None:
        """Make a machine that begins in set-up.

        Args:
            code: The cloud's machine code, such as PRESS-01; the device's name is its lower case.
            protocol: What it speaks.
            signals: What it shows.
            seed: The same seed and the same instants give the same values.
            ideal_cycle_s: Seconds a piece at rated speed.
        """
        self.code = code
        self.device = code.lower()
        self.protocol = protocol
        self.signals = tuple(signals)
        self._random = random.Random(f"{seed}/{code}")  # noqa: S311 - a simulation, not a secret
        self._ideal_cycle_s = ideal_cycle_s
        self._state = _SETUP
        self._state_left_s = self._random.expovariate(1 / 6.0)
        self._cycle_s = ideal_cycle_s
        self._cycle_left_s = ideal_cycle_s
        self._good = 0
        self._reject = 0
        self._energy_kwh = 0.0
        self._now_us: int | None = None
        self._analogue = [signal.resting for signal in self.signals]

    @property
    def state(self) -> MachineState:
        """What the machine is doing."""
        return STATES[self._state]

    def advance(self, now_us: int) -> None:
        """Move to `now_us`, microseconds since 1970; an instant already passed changes nothing."""
        if self._now_us is None:
            self._now_us = now_us
        elapsed_s = (now_us - self._now_us) / 1e6
        if elapsed_s <= 0:
            return
        self._now_us = now_us
        self._change_state(elapsed_s)
        if self._state == _PRODUCING:
            self._produce(elapsed_s)
        self._energy_kwh += (11.0 if self._state == _PRODUCING else 1.5) * elapsed_s / 3600
        for index, signal in enumerate(self.signals):
            if signal.role is Role.ANALOGUE:
                self._analogue[index] = self._drift(signal, self._analogue[index], elapsed_s)

    def values(self) -> list[float]:
        """Return what each signal shows, in the order of `signals`; whole numbers for ints and booleans."""
        return [self._value(index, signal) for index, signal in enumerate(self.signals)]

    def _value(self, index: int, signal: Signal) -> float:
        if signal.role is Role.ANALOGUE:
            value = self._analogue[index]
            return float(round(value)) if signal.kind is Kind.INT else _single(round(value, 3))
        return {
            Role.STATE: float(self._state),
            Role.GOOD: float(self._good),
            Role.REJECT: float(self._reject),
            Role.CYCLE_TIME: _single(round(self._cycle_s, 3)),
            Role.ALARM: 4711.0 if self._state == _FAULTED else 0.0,
            Role.DOOR: 1.0 if self._state in {_SETUP, _OFF} else 0.0,
            Role.ENERGY: _single(round(self._energy_kwh, 5)),
        }[signal.role]

    def _drift(self, signal: Signal, level: float, elapsed_s: float) -> float:
        """Move a level towards what it tends to; nothing that rests at zero falls below it."""
        producing = self._state == _PRODUCING
        target = signal.running if producing else signal.resting
        noise = signal.noise if producing else signal.noise / 10
        moved = level + (target - level) * min(1.0, elapsed_s / signal.tau_s) + self._random.gauss(0, noise)
        return max(0.0, moved) if signal.running > 0 else moved

    def _change_state(self, elapsed_s: float) -> None:
        self._state_left_s -= elapsed_s
        while self._state_left_s <= 0:
            choices = _NEXT[self._state]
            self._state = self._random.choices([state for state, _ in choices], [weight for _, weight in choices])[0]
            self._state_left_s += self._random.expovariate(1 / _DWELL_S[self._state])

    def _produce(self, elapsed_s: float) -> None:
        self._cycle_left_s -= elapsed_s
        while self._cycle_left_s <= 0:
            if self._random.random() < 0.03:
                self._reject += 1
            else:
                self._good += 1
            self._cycle_s = self._ideal_cycle_s * self._random.uniform(1.0, 1.15)
            self._cycle_left_s += self._cycle_s
