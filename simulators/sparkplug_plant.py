"""The simulated plant spoken as Sparkplug B: one edge node, a device a machine, and a DDATA of what changed a period.

Sparkplug goes with QoS 0: what nobody listens to is said all the same, and stands in the ledger. What a fault has
spoiled, or kept from being sent, does not.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulators.faults import Fault
from simulators.ledger import Ledger
from simulators.machine import Kind, Machine
from simulators.sparkplug import BOOLEAN, FLOAT, INT32, STRING, SparkplugNode

GROUP, NODE = "Plant", "Hall"
_TYPES = {Kind.FLOAT: (FLOAT, float), Kind.INT: (INT32, int), Kind.BOOL: (BOOLEAN, bool)}
_OF_THE_NODE = frozenset({Fault.FLAP, Fault.SEQ_HOLE, Fault.RESTART})
_LIES = frozenset({Fault.WRONG_TYPE, Fault.NAN, Fault.BAD_QUALITY, Fault.CLOCK_RESET, Fault.MALFORMED})
_RESET_MS = 946_684_800_000
# no protocol buffer: a field that says it is longer than the message
_MALFORMED = b"\x12\x7f\x0a"


@dataclass(slots=True)
class _Device:
    """A machine, and what was last said of it."""

    machine: Machine
    last: dict[str, float] = field(default_factory=dict)


class SparkplugPlant:
    """Publishes machines as devices of one edge node; `begin` lets values move, `quiet` lets them stand."""

    faults = frozenset({Fault.STALL, Fault.DEATH}) | _OF_THE_NODE | _LIES

    def __init__(
        self, machines: Sequence[Machine], ledger: Ledger, *, host: str, port: int, period_s: float = 1.0
    ) -> None:
        """Prepare a node.

        Args:
            machines: Its devices.
            ledger: Where every value that was said is entered.
            host: The broker's address.
            port: The broker's port.
            period_s: Seconds between two messages of a device.
        """
        self._node = SparkplugNode(GROUP, NODE, host=host, port=port)
        self._devices = [_Device(machine) for machine in machines]
        self._ledger = ledger
        self._period_s = period_s
        self._holding: set[tuple[Fault, str | None]] = set()
        self._moving = asyncio.Event()
        self._mover: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Be born, each metric with its first value.

        Raises:
            OSError: No broker answers.
        """
        now_ms = time.time_ns() // 1_000_000
        for device in self._devices:
            changed = self._changed(device, now_ms)
            typed = {
                signal.name: (_TYPES[signal.kind][0], _TYPES[signal.kind][1](changed[signal.name]))
                for signal in device.machine.signals
            }
            self._node.define(device.machine.device, typed, ts_ms=now_ms)
            self._enter(device, changed, now_ms)
        await self._node.start()
        # lives from start to stop, which no block of a TaskGroup spans
        self._mover = asyncio.create_task(self._move(), name="sparkplug-plant")

    def begin(self) -> None:
        """Let values move."""
        self._moving.set()

    def quiet(self) -> None:
        """Let values stand; the node lives, and is born again when asked."""
        self._moving.clear()

    async def stop(self) -> None:
        """Die in order; harmless if not started."""
        mover, self._mover = self._mover, None
        if mover is not None:
            mover.cancel()
            await asyncio.wait([mover])
        await self._node.stop()

    async def begin_fault(self, fault: Fault, device: str | None) -> None:
        """Let a fault hold; a death, a hole and a restart happen at once.

        Raises:
            ValueError: There is no such device, or the fault concerns the node with all its devices.
        """
        names = [each.machine.device for each in self._devices]
        if device is not None and device not in names:
            raise ValueError(f"there is no device {device!r}; there are {', '.join(names)}")
        if device is not None and fault in _OF_THE_NODE:
            raise ValueError(f"{fault.value} concerns the node with all its devices; leave `device` out")
        self._holding.add((fault, device))
        match fault:
            case Fault.DEATH if device is None:
                await self._node.stop()
            case Fault.DEATH:
                await self._node.let_die(device or "")
            case Fault.SEQ_HOLE:
                self._node.lose()
            case Fault.RESTART:
                await self._node.stop()
                self._node.renumber()
                await self._node.start()
                self._holding.discard((fault, None))
            case _:
                pass

    async def end_fault(self, fault: Fault, device: str | None) -> None:
        """Be as before; who died is born."""
        self._holding.discard((fault, device))
        if fault is Fault.DEATH and device is None:
            await self._node.start()
        elif fault is Fault.DEATH:
            await self._node.bear(device or "")

    async def _move(self) -> None:
        """Say what changed once a period, on time; a period that took too long is not made up for."""
        due = time.monotonic()
        while True:
            await self._moving.wait()
            due = max(due + self._period_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            if (Fault.FLAP, None) in self._holding:
                self._node.cut()
            for device in self._devices:
                await self._say(device)

    async def _say(self, device: _Device) -> None:
        name = device.machine.device
        faults = {fault for fault, of in self._holding if of in (None, name)}
        if faults & {Fault.STALL, Fault.DEATH, Fault.RESTART} or not self._node.is_connected:
            return
        if Fault.MALFORMED in faults:
            await self._node.say_raw("DDATA", name, _MALFORMED)
            return
        now_ms = time.time_ns() // 1_000_000
        changed = self._changed(device, now_ms)
        if not changed:
            return
        if not faults & _LIES:
            await self._node.say(name, self._typed(device, changed), ts_ms=now_ms)
            self._enter(device, changed, now_ms)
            return
        # what stands there is said again when the fault is over
        device.last.clear()
        said = self._typed(device, changed)
        if Fault.NAN in faults:
            said = {metric: math.nan if isinstance(value, float) else value for metric, value in said.items()}
        if Fault.WRONG_TYPE in faults:
            said = {metric: f"<{value}>" for metric, value in said.items()}
        await self._node.say(
            name,
            said,
            ts_ms=_RESET_MS + now_ms % 86_400_000 if Fault.CLOCK_RESET in faults else now_ms,
            quality=0 if Fault.BAD_QUALITY in faults else None,
            datatype=STRING if Fault.WRONG_TYPE in faults else None,
        )

    def _changed(self, device: _Device, now_ms: int) -> dict[str, float]:
        device.machine.advance(now_ms * 1000)
        values = dict(zip((signal.name for signal in device.machine.signals), device.machine.values(), strict=True))
        changed = {name: value for name, value in values.items() if device.last.get(name) != value}
        device.last |= changed
        return changed

    def _typed(self, device: _Device, values: dict[str, float]) -> dict[str, object]:
        kinds = {signal.name: signal.kind for signal in device.machine.signals}
        return {name: _TYPES[kinds[name]][1](value) for name, value in values.items()}

    def _enter(self, device: _Device, values: dict[str, float], ts_ms: int) -> None:
        for name, value in values.items():
            self._ledger.record(device.machine.device, name, ts_ms * 1000, value)
