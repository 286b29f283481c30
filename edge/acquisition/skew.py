"""How far each device's clock is ahead of the gateway's, by the source times that its readings bear; pure.

A reading is as old as its way was long, and one of a value that has not changed as old as that, so of many the freshest
tells the clock: a device's skew is the largest difference of the last ten to twenty minutes.
"""

import numpy as np
from numpy.typing import NDArray

from shared.reading import Flag, Readings

# long enough that something fresh is among what came, short enough to see a clock that was set
_WINDOW_US = 600_000_000
_NONE = np.iinfo(np.int64).min


class Skews:
    """Remembers, of each device, the largest difference of this window and of the one before."""

    def __init__(self) -> None:
        self._now = np.array([], np.int64)
        self._before = np.array([], np.int64)
        self._since_us: int | None = None

    def extend(self, devices: int) -> None:
        """Take so many more devices."""
        self._now = np.append(self._now, np.full(devices, _NONE, np.int64))
        self._before = np.append(self._before, np.full(devices, _NONE, np.int64))

    def note(self, device: NDArray[np.intp], readings: Readings) -> None:
        """Take readings as decoded, and the device of each."""
        if not readings.ts.any():
            # a protocol without time of its own
            return
        told = (readings.ts > 0) & (readings.flags & Flag.RETAINED == 0)
        if not told.any():
            return
        self._turn(int(readings.received[-1]))
        np.maximum.at(self._now, device[told], readings.ts[told] - readings.received[told])

    def forget(self) -> None:
        """The gateway's clock was set: nothing is known."""
        self._now[:] = self._before[:] = _NONE

    def of(self, device: int) -> int | None:
        """Return the skew of a device, microseconds, None if it told no time."""
        skew = max(int(self._now[device]), int(self._before[device]))
        return None if skew == _NONE else skew

    def _turn(self, now_us: int) -> None:
        if self._since_us is None or not 0 <= now_us - self._since_us < _WINDOW_US:
            self._before, self._now = self._now, np.full(len(self._now), _NONE, np.int64)
            self._since_us = now_us
