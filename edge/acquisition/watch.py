"""What a connection's devices last said, and what must be recorded while they say nothing; pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.acquisition.skew import Skews
from edge.acquisition.text import words
from edge.drivers.spec import Point
from edge.ports import BEFORE_US
from edge.units import stale_after_s
from shared.reading import Flag, Gap, GapCause, Quality, Readings, empty, from_rows
from shared.wire.batch import MAX_TIME_US

# Bad_NoCommunication (OPC 10000-6, A.2): "communication with the data source is defined, but not established".
# Modbus and MQTT have no code for it, so all protocols share OPC UA's.
NO_COMMUNICATION = 0x8031_0000
# Bad_Timeout, for a value that came no more in time
STALE = 0x800A_0000
# of so many devices the cloud is told how far their clocks are off
MOST_SKEWS = 200
_SILENT = 255
_NEVER_US = np.iinfo(np.int64).max
_NOTHING = empty()


@dataclass(frozen=True, slots=True)
class DeviceCondition:
    """One device at one instant.

    Attributes:
        name: Its name.
        last_received_us: When its last reading came, whatever its quality; None if none came yet.
        tags: How many tags it has, of which the last reading was `good`, `uncertain` or `bad`; the rest never came.
        last_bad_status: The protocol's code of its last bad reading, None if there was none.
        clock_skew_us: How far its clock is ahead of the gateway's, by the freshest of its times of the last ten to
            twenty minutes; what a reading was on its way counts as behind. None if it tells no time.
    """

    name: str
    last_received_us: int | None
    tags: int
    good: int
    uncertain: int
    bad: int
    last_bad_status: int | None = None
    clock_skew_us: int | None = None


class Watch:
    """Remembers, for each device of a connection, until when its readings are accounted for.

    Args:
        points: What rows index.
        since_us: Until when nothing is missing so far.
        delivery_us: How old a value may be when it arrives; a gap begins that much before the last that came.
    """

    def __init__(self, points: Sequence[Point], since_us: int, delivery_us: int = 0) -> None:
        self.devices: tuple[str, ...] = ()
        self._names: list[tuple[str, str]] = []
        # a device that speaks when it likes may be silent after a start, however well it is
        self._is_free = np.array([], np.bool_)
        self._delivery_us = delivery_us
        self._device = np.array([], np.intp)
        self._quality = np.array([], np.uint8)
        self._received = np.array([], np.int64)
        self._bad_status = np.array([], np.int64)
        # until when nothing is missing: the last reading, or the end of the last gap
        self._accounted = np.array([], np.int64)
        self._is_kept = np.array([], np.bool_)
        self._is_fresh = np.array([], np.bool_)
        # when this gateway called a point bad that has not come back since, -1 if it has
        self._bad_us = np.array([], np.int64)
        # after how long without a reading a point is called bad, and when it was heard last
        self._stale_after_us = np.array([], np.int64)
        self._heard_us = np.array([], np.int64)
        self._skews = Skews()
        self.extend(points, since_us)

    def extend(self, points: Sequence[Point], since_us: int) -> tuple[str, ...]:
        """Take more points, which stand behind those so far.

        Args:
            points: What further rows index.
            since_us: Until when nothing is missing of a device that is new.

        Returns:
            The devices that are new.
        """
        self._names.extend((point.device, point.name) for point in points)
        free = [not (p.device_options.is_polled or p.device_options.begins_afresh) for p in points]
        self._is_free = np.append(self._is_free, np.array(free, np.bool_))
        kept = {point.device: False for point in points if point.device not in self.devices}
        for point in points:
            if point.device in kept:
                kept[point.device] |= point.device_options.is_kept_by_source
        self.devices += tuple(kept)
        place = {name: index for index, name in enumerate(self.devices)}
        self._device = np.append(self._device, np.array([place[point.device] for point in points], np.intp))
        self._quality = np.append(self._quality, np.full(len(points), _SILENT, np.uint8))
        self._received = np.append(self._received, np.full(len(kept), -1, np.int64))
        self._skews.extend(len(kept))
        self._bad_status = np.append(self._bad_status, np.full(len(kept), -1, np.int64))
        self._accounted = np.append(self._accounted, np.full(len(kept), since_us, np.int64))
        self._is_kept = np.append(self._is_kept, np.array(list(kept.values()), np.bool_))
        fresh = [point.device_options.begins_afresh for point in points]
        self._is_fresh = np.append(self._is_fresh, np.array(fresh, np.bool_))
        self._bad_us = np.append(self._bad_us, np.full(len(points), -1, np.int64))
        limits = np.array([_stale_after_us(point) for point in points], np.int64)
        self._stale_after_us = np.append(self._stale_after_us, limits)
        # never heard, so there is no value that could be stale
        self._heard_us = np.append(self._heard_us, np.full(len(points), -1, np.int64))
        return tuple(kept)

    def note(self, readings: Readings) -> None:
        """Take note of a driver's readings, as decoded."""
        device = self._device[readings.tag]
        # of several readings of one tag or device the last one counts, as numpy assigns in order
        # a value that is none is bad, whatever its source calls it
        quality, is_number = readings.quality, np.isfinite(readings.value)
        if not is_number.all():
            is_number[list(readings.text)] = True
            quality = np.where(is_number, quality, np.uint8(Quality.BAD))
        self._quality[readings.tag] = quality
        self._received[device] = readings.received
        self._skews.note(device, readings)
        self._hear_of(readings)
        self._accounted[device] = readings.received
        bad = readings.quality == Quality.BAD
        if bad.any():
            self._bad_status[device[bad]] = readings.status[bad]
            ours = bad & (readings.ts == 0)
            self._bad_us[readings.tag[ours]] = readings.received[ours]

    def _hear_of(self, readings: Readings) -> None:
        """Take readings for signs of life, but for those that a broker had kept: their source may be long gone.

        The first one of a session begins the time after which its value is stale; only what comes live begins it anew.
        """
        is_live = readings.flags & Flag.RETAINED == 0
        self._heard_us[readings.tag[is_live]] = readings.received[is_live]
        if not is_live.all():
            begins = ~is_live & (self._heard_us[readings.tag] < 0)
            self._heard_us[readings.tag[begins]] = readings.received[begins]

    @property
    def can_go_stale(self) -> bool:
        """Whether any point has a limit to its silence."""
        return bool((self._stale_after_us != _NEVER_US).any())

    def stale(self, now_us: int) -> Readings:
        """Return a bad reading for every point that has been silent too long and is not bad yet."""
        silent_us = now_us - self._heard_us
        is_stale = (self._heard_us >= 0) & (silent_us > self._stale_after_us) & (self._quality != Quality.BAD)
        points = np.flatnonzero(is_stale)
        self._quality[points] = Quality.BAD
        self._bad_us[points] = now_us
        count = len(points)
        return from_rows(points.tolist(), [0] * count, now_us, [np.nan] * count, Quality.BAD, 0, STALE)

    def is_good(self) -> NDArray[np.bool_]:
        """Return of which points the last reading was good."""
        good: NDArray[np.bool_] = self._quality == Quality.GOOD
        return good

    def may_rest(self) -> NDArray[np.bool_]:
        """Return which points never spoke and need not have."""
        resting: NDArray[np.bool_] = (self._quality == _SILENT) & self._is_free
        return resting

    def names(self, points: NDArray[np.bool_]) -> set[tuple[str, str]]:
        """Return device and name of these points."""
        return {self._names[place] for place in np.flatnonzero(points).tolist()}

    def hear(self, now_us: int) -> None:
        """All was said until now: whoever said nothing is as it was, and not silent."""
        self._heard_us[self._heard_us >= 0] = now_us
        self.account(now_us)

    def lose(self, now_us: int) -> Readings:
        """The session is lost: return a bad reading for every point, so that nobody takes old values for new."""
        self._quality[:] = Quality.BAD
        self._bad_us[:] = now_us
        self._heard_us[:] = -1
        points = len(self._quality)
        return from_rows(range(points), [0] * points, now_us, [np.nan] * points, Quality.BAD, 0, NO_COMMUNICATION)

    def restated(self, readings: Readings, opened_us: int) -> Readings:
        """Return what holds now, but bears a time from before its point was last told to be bad.

        A value that did not change comes back with the time at which it last did. The bad reading is later than that:
        without a reading at the time of the return it would stay the last word.

        Args:
            readings: As decoded; only devices that begin afresh are looked at.
            opened_us: When the session was opened, by which time such a value held.

        Returns:
            The last such row of each point, at the time of the session, or of its receipt if the point turned bad
            within the session.
        """
        if not self._is_fresh.any():
            return _NOTHING
        bad_us = self._bad_us[readings.tag]
        is_told = readings.quality != Quality.BAD
        self._bad_us[readings.tag[is_told]] = -1
        rows = np.flatnonzero(is_told & (readings.ts != 0) & (readings.ts <= bad_us) & self._is_fresh[readings.tag])
        # of several rows of a point the last one counts, as numpy assigns in order
        last = dict(zip(readings.tag[rows].tolist(), rows.tolist(), strict=True))
        rows = np.array(sorted(last.values()), np.intp)
        again = readings.take(rows)
        ts = np.where(opened_us > bad_us[rows], opened_us, again.received)
        return replace(again, ts=ts, flags=again.flags | np.uint8(Flag.SOURCE_TIME_REPLACED))

    def placed(self, gap: Gap) -> Gap:
        """Give a gap of a device that began before its driver lived its begin."""
        if gap.from_us != BEFORE_US or gap.device not in self.devices:
            return gap
        return replace(gap, from_us=int(self._accounted[self.devices.index(gap.device)]) - self._delivery_us)

    def gaps(
        self,
        cause: GapCause,
        now_us: int,
        detail: str,
        since_us: int | None = None,
        *,
        is_last: bool = False,
        devices: Collection[str] | None = None,
    ) -> list[Gap]:
        """Return a gap for each device whose source does not keep what we miss.

        Args:
            cause: Why readings are missing.
            now_us: The gap's end.
            detail: For people.
            since_us: The gap's begin; the end of what is accounted for of each device, if None.
            is_last: Every device gets one: that a source has kept it is not known yet.
            devices: Only these; all if None.
        """
        begins = (self._accounted - self._delivery_us).tolist() if since_us is None else [since_us] * len(self.devices)
        return [
            fit(Gap(cause, begin, now_us, name, None, detail))
            for name, begin, is_kept in zip(self.devices, begins, self._is_kept.tolist(), strict=True)
            if (is_last or not is_kept) and (devices is None or name in devices)
        ]

    @property
    def not_kept(self) -> set[str]:
        """The devices whose sources keep nothing of what we miss."""
        return {name for name, is_kept in zip(self.devices, self._is_kept.tolist(), strict=True) if not is_kept}

    def step(self, delta_us: int) -> None:
        """The gateway's clock was set: what is remembered by it moves with it."""
        self._accounted += delta_us
        for column in (self._received, self._heard_us, self._bad_us):
            column[column >= 0] += delta_us
        self._skews.forget()

    def account(self, until_us: int) -> None:
        """Nothing is missing until then, or a gap of `gaps` says why."""
        self._accounted[~self._is_kept] = until_us

    def conditions(self) -> list[DeviceCondition]:
        """Return each device's condition now."""
        counts = {
            quality: np.bincount(self._device[self._quality == quality], minlength=len(self.devices))
            for quality in Quality
        }
        tags = np.bincount(self._device, minlength=len(self.devices))
        return [
            DeviceCondition(
                name,
                _known(self._received[index]),
                int(tags[index]),
                int(counts[Quality.GOOD][index]),
                int(counts[Quality.UNCERTAIN][index]),
                int(counts[Quality.BAD][index]),
                _known(self._bad_status[index]),
                self._skews.of(index),
            )
            for index, name in enumerate(self.devices)
        ]


def _known(value: np.int64) -> int | None:
    return None if value < 0 else int(value)


def worst_skews(told: Iterable[Sequence[DeviceCondition]]) -> dict[str, float]:
    """Return by how many seconds the devices' clocks are ahead that are off by most, of those that tell their time."""
    known = [(each.name, each.clock_skew_us / 1e6) for part in told for each in part if each.clock_skew_us is not None]
    return {name: round(skew_s, 3) for name, skew_s in sorted(known, key=lambda each: -abs(each[1]))[:MOST_SKEWS]}


def fit(gap: Gap) -> Gap:
    """Make a gap fit for the wire: printable words, times of this century, and an end after its begin.

    A gap that begins when it ends, or later, was measured across a jump of the clock; it is told as an instant.
    """
    to_us = min(max(gap.to_us, 1), MAX_TIME_US - 1)
    from_us = min(max(gap.from_us, 0), to_us - 1)
    return replace(gap, from_us=from_us, to_us=to_us, detail=words(gap.detail))


def _stale_after_us(point: Point) -> int:
    limit_s = stale_after_s(point.options.stale_after or "off", point.every_s)
    return _NEVER_US if limit_s is None else round(limit_s * 1e6)
