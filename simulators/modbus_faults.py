"""What faults do to the answers of simulated Modbus units, on their way to the line; pure."""

from collections.abc import Sequence

from pymodbus.framer.rtu import FramerRTU

from simulators.faults import Fault

# what a frame begins with: the header of TCP up to the unit, and the unit of a serial line
_TCP_HEADER = 7
# faults in which a unit says nothing true, so that nothing may be entered in the ledger
_LIES = (Fault.STALL, Fault.FLAP, Fault.SHORT_ANSWER, Fault.WRONG_CHECKSUM, Fault.ALIEN_ANSWER)


class Disturbance:
    """Which faults hold, for which units; a fault of no device holds for all."""

    def __init__(self, devices: Sequence[str]) -> None:
        """`devices` are named in the order of their units, which count from 1."""
        self._devices = devices
        self._holding: set[tuple[Fault, str | None]] = set()

    def begin(self, fault: Fault, device: str | None) -> None:
        """Let a fault hold.

        Raises:
            ValueError: There is no such device, or the fault cuts connections, which all units share.
        """
        if device is not None and device not in self._devices:
            raise ValueError(f"there is no device {device!r}; there are {', '.join(self._devices)}")
        if device is not None and fault is Fault.FLAP:
            raise ValueError("all units share a connection; leave `device` out")
        self._holding.add((fault, device))

    def end(self, fault: Fault, device: str | None) -> None:
        """Let it hold no longer."""
        self._holding.discard((fault, device))

    def holds(self, fault: Fault, unit: int) -> bool:
        """Tell whether a fault holds for a unit."""
        return bool({(fault, None), (fault, self._devices[unit - 1])} & self._holding)

    def is_truthful(self, unit: int) -> bool:
        """Tell whether what a unit says reaches whoever asked, as it was said."""
        return not any(self.holds(fault, unit) for fault in _LIES)

    def on_tcp(self, frame: bytes) -> bytes:
        """Return what becomes of an answer over TCP."""
        unit = frame[_TCP_HEADER - 1]
        if not self._is_of_a_unit(unit):
            return frame
        if self.holds(Fault.STALL, unit):
            return b""
        if self.holds(Fault.ALIEN_ANSWER, unit):
            return frame[: _TCP_HEADER - 1] + bytes([unit % 247 + 1]) + frame[_TCP_HEADER:]
        if self.holds(Fault.SHORT_ANSWER, unit) and frame[_TCP_HEADER] < 0x80 and len(frame) > _TCP_HEADER + 4:
            # a whole frame that brings one register less than was asked for
            length = int.from_bytes(frame[4:6], "big") - 2
            head = frame[:4] + length.to_bytes(2, "big") + frame[6:8]
            return head + bytes([frame[_TCP_HEADER + 1] - 2]) + frame[_TCP_HEADER + 2 : -2]
        return frame

    def on_the_line(self, frame: bytes) -> bytes:
        """Return what becomes of an answer on a serial line (RTU)."""
        unit = frame[0]
        # for a unit that is not there pymodbus answers an exception; on a line nobody would
        if not self._is_of_a_unit(unit) or self.holds(Fault.STALL, unit):
            return b""
        if self.holds(Fault.WRONG_CHECKSUM, unit):
            return frame[:-1] + bytes([frame[-1] ^ 0xFF])
        if self.holds(Fault.ALIEN_ANSWER, unit):
            alien = bytes([unit % 247 + 1]) + frame[1:-2]
            return alien + FramerRTU.compute_CRC(alien).to_bytes(2, "big")
        if self.holds(Fault.SHORT_ANSWER, unit):
            return frame[: len(frame) // 2]
        return frame

    def _is_of_a_unit(self, unit: int) -> bool:
        return 1 <= unit <= len(self._devices)
