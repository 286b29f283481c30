"""Owns looking back from instants: how often, how much and how long ago, by what was known then; pure.

A record that happened at `at` and was known at `known` counts for a window of length `w` at the instants in
[known, at + w): so two sorted arrays and two binary searches answer for any number of instants, late records
included. Sums are kept in whole numbers, for a float's rounding would let a later record change an earlier answer.
"""

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.history import Floats, Times

# machines side by side on one axis: 2^52 microseconds are 142 years
_LANE = np.int64(1) << np.int64(52)
# a millionth of a unit
_FINE = 1e6

Rows = NDArray[np.int64]


def lanes(machine: NDArray[np.int32], at: Times) -> Times:
    """Return times of many machines on one axis."""
    return machine.astype(np.int64) * _LANE + at


class Window:
    """Records as they count for windows of one length."""

    def __init__(self, machine: NDArray[np.int32], at: Times, known: Times, length: int) -> None:
        """Sort the records.

        Args:
            machine: Of each record.
            at: When it happened.
            known: When it was known.
            length: Of the window, microseconds.
        """
        counts = known < at + length
        self._rows = np.flatnonzero(counts)
        enters = lanes(machine[self._rows], np.maximum(known, at)[self._rows])
        leaves = lanes(machine[self._rows], at[self._rows] + length)
        self._by_enter, self._by_leave = np.argsort(enters, kind="stable"), np.argsort(leaves, kind="stable")
        self._enters, self._leaves = enters[self._by_enter], leaves[self._by_leave]

    def count(self, instants: Times) -> Floats:
        """Return how many records lie in the window that ends at each instant (of `lanes`)."""
        entered = np.searchsorted(self._enters, instants, side="right")
        left = np.searchsorted(self._leaves, instants, side="right")
        return (entered - left).astype(np.float64)

    def sum(self, instants: Times, values: Floats) -> Floats:
        """Return the sum of values, one for each record, over the same windows; a NaN adds nothing."""
        whole = np.rint(np.nan_to_num(values[self._rows]) * _FINE).astype(np.int64)
        entering = np.concatenate(([0], np.cumsum(whole[self._by_enter])))
        leaving = np.concatenate(([0], np.cumsum(whole[self._by_leave])))
        entered = np.searchsorted(self._enters, instants, side="right")
        left = np.searchsorted(self._leaves, instants, side="right")
        return (entering[entered] - leaving[left]) / _FINE


def last_known(machine: NDArray[np.int32], at: Times, known: Times, values: Floats, instants: Times) -> Floats:
    """Return the value of the last record before each instant (of `lanes`); NaN where there was none.

    Of several that happened at once the first that was known counts, so that a later one changes no earlier answer.
    """
    enters, when = lanes(machine, np.maximum(known, at)), lanes(machine, at)
    order = np.argsort(enters, kind="stable")
    newest = np.maximum.accumulate(when[order]) if len(order) else when
    is_newer = np.append(True, newest[1:] > newest[:-1])[: len(order)]
    row = np.maximum.accumulate(np.where(is_newer, np.arange(len(order)), 0)) if len(order) else order
    place = np.searchsorted(enters[order], instants, side="right") - 1
    found = np.full(len(instants), np.nan)
    has = np.flatnonzero(place >= 0)
    last = order[row[place[has]]]
    own = when[last] // _LANE == instants[has] // _LANE
    found[has[own]] = values[last[own]]
    return found


def since_last(machine: NDArray[np.int32], at: Times, known: Times, instants: Times) -> Floats:
    """Return the hours since the last record before each instant (of `lanes`); NaN where there was none."""
    order = np.argsort(lanes(machine, np.maximum(known, at)), kind="stable")
    enters = lanes(machine, np.maximum(known, at))[order]
    # the latest that happened of those known: a late record does not hide a newer one
    latest = np.maximum.accumulate(lanes(machine, at)[order]) if len(order) else enters
    place = np.searchsorted(enters, instants, side="right") - 1
    found = np.full(len(instants), np.nan)
    has = place >= 0
    last = latest[place[has]]
    is_own = last // _LANE == instants[has] // _LANE
    found[np.flatnonzero(has)[is_own]] = (instants[has] - last)[is_own] / 3.6e9
    return found
