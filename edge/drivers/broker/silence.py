"""Devices that should speak and do not: which has been silent for longer than it may, each said once; pure."""


class Silence:
    """Knows when each device was last heard, on the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._limits: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._told: set[str] = set()

    def expect(self, device: str, limit_s: float, now_s: float) -> None:
        """Begin to watch a device that may be silent for so long; harmless for one that is watched."""
        if device not in self._limits:
            self._limits[device] = limit_s
            self._heard[device] = now_s

    def hear(self, device: str, now_s: float) -> None:
        """A device has spoken."""
        if device in self._limits:
            self._heard[device] = now_s
            self._told.discard(device)

    def begin_again(self, now_s: float) -> None:
        """Nobody could be heard until now."""
        self._heard = dict.fromkeys(self._limits, now_s)
        self._told.clear()

    def fallen(self, now_s: float) -> list[str]:
        """Return the devices that have been silent for too long and were not returned since they last spoke."""
        fallen = [
            device
            for device, limit_s in self._limits.items()
            if device not in self._told and now_s - self._heard[device] >= limit_s
        ]
        self._told.update(fallen)
        return fallen

    def due_s(self, now_s: float) -> float | None:
        """Return in how many seconds `fallen` will have something if nobody speaks; None for never."""
        waiting = [self._heard[d] + limit_s - now_s for d, limit_s in self._limits.items() if d not in self._told]
        return max(min(waiting), 0.0) if waiting else None
