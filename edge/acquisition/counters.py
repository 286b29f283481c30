"""Counters: where a cumulative count began again; pure, by the block.

Readings are kept as they are: the cloud makes differences of them, between neighbours in the source's time, for which
it is told how far a counter counts. Here it is only counted how often a counter fell without having rolled over, for
somebody should look when it does so all the time.
"""

import numpy as np
from numpy.typing import NDArray

from edge.acquisition.rules import Rules
from shared.reading import Readings


class Counters:
    """Remembers each counter's last value."""

    def __init__(self, rules: Rules) -> None:
        self._last = np.full(len(rules), -np.inf)

    def extend(self, rules: Rules) -> None:
        """Watch further points too, which come behind those there are."""
        self._last = np.append(self._last, np.full(len(rules) - len(self._last), -np.inf))

    def resets(self, readings: Readings, rules: Rules) -> int:
        """Return how many of these readings, as they are kept, begin a counter again that has not rolled over."""
        rows = np.flatnonzero(rules.is_counter[readings.tag] & np.isfinite(readings.value))
        if not len(rows):
            return 0
        rows = rows[np.argsort(readings.tag[rows], kind="stable")]
        tag, value = readings.tag[rows], readings.value[rows]
        is_first = np.append(True, tag[1:] != tag[:-1])
        before = np.where(is_first, self._last[tag], np.append(0.0, value[:-1]))
        # of several rows of a point the last one counts, as numpy assigns in order
        self._last[tag] = value
        return int(np.count_nonzero((value < before) & ~_has_rolled(before, value, rules.rollover[tag])))


def _has_rolled(
    before: NDArray[np.float64], value: NDArray[np.float64], rollover: NDArray[np.float64]
) -> NDArray[np.bool_]:
    # the shorter way round: a counter that was read at least twice a round went up by less than half of it
    step: NDArray[np.bool_] = value - before + rollover < rollover / 2
    return step & (before <= rollover)
