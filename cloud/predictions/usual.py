"""Owns what is usual for a machine: the median of a sensor's daily means over the last 21 days; pure.

A day counts once it is over, by the rows that were known when it ended: what comes later never changes what was usual.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.history import DAY, Floats, Spans, Times

DAYS = 21
_ENOUGH = 3


class Usual:
    """One sensor's usual by machine and day."""

    def __init__(self, measured: Spans, values: Floats) -> None:
        """Compute it for every day there is.

        Args:
            measured: Whose rows.
            values: The sensor's, one a row.
        """
        day = (measured.at - 1) // DAY
        in_time = (measured.known <= (day + 1) * DAY) & np.isfinite(values)
        day, machine, values = day[in_time], measured.machine[in_time].astype(np.int64), values[in_time]
        self._first = int(day.min()) if len(day) else 0
        days = int(day.max()) - self._first + 1 if len(day) else 0
        machines = int(measured.machine.max()) + 1 if len(measured) else 0
        cell = machine * days + day - self._first
        count = np.bincount(cell, minlength=machines * days)
        total = np.bincount(cell, values, minlength=machines * days)
        means = np.divide(total, count, out=np.full(machines * days, np.nan), where=count > 0).reshape(machines, days)
        # on the day `first + d` the days before it count
        padded = np.concatenate([np.full((machines, DAYS), np.nan), means], axis=1)
        back = np.lib.stride_tricks.sliding_window_view(padded, DAYS, axis=1) if days else padded[:, :0, None]
        enough = np.isfinite(back).sum(axis=2) >= _ENOUGH
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a window of nothing but NaN
            self._usual = np.where(enough, np.nanmedian(back, axis=2), np.nan)

    def at(self, machine: NDArray[np.int32], at: Times) -> Floats:
        """Return what was usual at each instant, NaN where too little was known."""
        day = at // DAY - self._first
        found = np.full(len(at), np.nan)
        if self._usual.size:
            # after the last day there is, its usual stays
            place = np.minimum(day, self._usual.shape[1] - 1)
            known = (place >= 0) & (machine < self._usual.shape[0])
            found[known] = self._usual[machine[known], place[known]]
        return found
