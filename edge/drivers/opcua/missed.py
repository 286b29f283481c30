"""Owns which points may have missed values while there was no subscription, and what of that stays missing; pure.

A new subscription says each point's value with the time of its last change. Is that the time of the last value that
was heard, nothing was missed. Otherwise something may have been, from that value to this one; what the server's
history holds of it is filled in, and the rest is a gap.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.drivers.opcua.last import Last
from edge.drivers.opcua.servertimes import holds_times
from edge.drivers.spec import Point
from edge.ports import Settled
from shared.reading import ClosedBy, Gap, GapCause, Readings


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one point may have missed: after `from_us` and before `to_us`, both by the source's clock."""

    point: int
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a subscription, by the gateway's clock, with its cause."""

    cause: GapCause
    from_us: int
    to_us: int
    detail: str


class Missed:
    """The points whose first value after an outage has not come yet."""

    def __init__(self) -> None:
        self.outage: Outage | None = None
        self._since = np.zeros(0, np.int64)
        self._is_pending = np.zeros(0, np.bool_)
        self._told: set[str] = set()
        # devices of which it is not known yet what was missed, and tags that are to be settled by themselves
        self._unsettled: dict[str, ClosedBy | None] = {}
        self._late: set[int] = set()

    def begin(self, outage: Outage, since_us: NDArray[np.int64], is_pending: NDArray[np.bool_]) -> None:
        """Begin after an outage; points still pending from an earlier one keep their earlier time.

        Args:
            outage: It.
            since_us: Time of the last value heard of each point, by the source's clock.
            is_pending: Of which points there is one.
        """
        before = np.zeros(len(since_us), np.bool_)
        before[: len(self._is_pending)] = self._is_pending
        earlier = self.outage
        if before.any() and earlier is not None:
            outage = Outage(earlier.cause, earlier.from_us, outage.to_us, outage.detail)
            kept = np.flatnonzero(before)
            since_us = since_us.copy()
            # one that was not heard since has no later time
            now_us = np.where(is_pending[kept], since_us[kept], self._since[kept])
            since_us[kept] = np.minimum(now_us, self._since[kept])
        self.outage, self._since, self._is_pending = outage, since_us, before | is_pending
        self._told = set()

    def found(self, readings: Readings) -> tuple[list[Stretch], NDArray[np.intp]]:
        """Settle the points whose first value is among these readings.

        Returns:
            What each of them may have missed, and the rows of the first values.
        """
        if not self._is_pending.any():
            return [], np.zeros(0, np.intp)
        within = readings.tag < len(self._is_pending)
        rows = np.flatnonzero(within & (readings.ts > 0))
        rows = rows[self._is_pending[readings.tag[rows]]]
        # of several rows of a point the first one counts
        points, first = np.unique(readings.tag[rows], return_index=True)
        self._is_pending[points] = False
        times = readings.ts[rows[first]]
        moved = times > self._since[points]
        stretches = [
            Stretch(point, since, until)
            for point, since, until in zip(
                points[moved].tolist(), self._since[points[moved]].tolist(), times[moved].tolist(), strict=True
            )
        ]
        return stretches, np.sort(rows[first])

    def again(self, points: Collection[int]) -> None:
        """Await the first values of these points anew: what they may have missed was not had to its end."""
        self._is_pending[list(points)] = True

    def gaps(self, open_ends: Sequence[Stretch], filled: Collection[int], points: Sequence[Point]) -> list[Gap]:
        """Return gaps for what stays missing.

        Args:
            open_ends: What could not be had, of each point the rest.
            filled: Points of which history brought something, or all.
            points: All of them.

        Returns:
            One for a device of which history brought nothing, once; else one for each tag.
        """
        outage = self.outage
        if outage is None:
            return []
        has_history = {points[point].device for point in filled}
        gaps = []
        for stretch in open_ends:
            place = points[stretch.point]
            if place.device in has_history:
                gaps.append(_gap(outage, place.device, place.name, stretch.from_us + 1, stretch.to_us))
            elif place.device not in self._told:
                self._told.add(place.device)
                gaps.append(_gap(outage, place.device, None, outage.from_us, outage.to_us))
        return gaps

    def starts(self, points: Sequence[Point]) -> None:
        """Every device is to be settled anew: by what comes, or where nothing was known of it, by nothing."""
        heard = {points[point].device for point in self._pending}
        devices = dict.fromkeys(point.device for point in points)
        self._unsettled = {device: ClosedBy.UNCHANGED if device in heard else None for device in devices}

    def is_settled(self, device: str) -> bool:
        """Tell whether it is known what a device missed."""
        return device not in self._unsettled

    def settled(self, filled: Collection[int], points: Sequence[Point]) -> list[Settled]:
        """Return of what it is known now what was missed.

        Args:
            filled: Points of which history brought something.
            points: All of them.
        """
        for point in filled:
            if points[point].device in self._unsettled:
                self._unsettled[points[point].device] = ClosedBy.HISTORY
        pending = self._pending
        open_devices = {points[point].device for point in pending}
        done = [device for device in self._unsettled if device not in open_devices]
        words = [Settled(device, self._unsettled.pop(device)) for device in done]
        for point in sorted(self._late - set(pending)):
            by = ClosedBy.HISTORY if point in filled else ClosedBy.UNCHANGED
            words.append(Settled(points[point].device, by, points[point].name))
        self._late &= set(pending)
        return words

    def part(self, points: Sequence[Point]) -> list[Settled]:
        """The server has said all that it has for now: devices of which some tags are still awaited go by tag."""
        words, pending = [], self._pending
        for device in list(self._unsettled):
            awaited = [point for point in pending if points[point].device == device]
            if len(awaited) < sum(point.device == device and not holds_times(point) for point in points):
                by = self._unsettled.pop(device)
                words.append(Settled(device, by, waiting=[points[point].name for point in awaited]))
                self._late |= set(awaited)
        return words

    @property
    def _pending(self) -> list[int]:
        return np.flatnonzero(self._is_pending).tolist()


def remaining(stretch: Stretch, history_us: Sequence[int], every_s: float) -> Stretch | None:
    """Return what stays missing of a stretch for which history has values at these times, None if nothing.

    History reaches back far enough if it has a value at the time of the last one heard, or within a sampling period of
    it. One that begins later has forgotten what was before, and one that has nothing has forgotten all.
    """
    if not history_us:
        return stretch
    first = min(history_us)
    return None if first <= stretch.from_us + round(every_s * 1e6) else Stretch(stretch.point, stretch.from_us, first)


def known(last: Last, points: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the time of the last value of each point, and of which there is one."""
    every = np.arange(points, dtype=np.uint32)
    return last.ts(every), last.is_known(every)


def _gap(outage: Outage, device: str, tag: str | None, from_us: int, to_us: int) -> Gap:
    to_us = max(1, to_us)
    return Gap(outage.cause, max(0, min(from_us, to_us - 1)), to_us, device, tag, outage.detail)
