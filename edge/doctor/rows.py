"""From what an inspector read to what a person sees: shaped as the gateway would, and judged; pure.

The shaping is the daemon's own, so a scale of the wrong sign or a word that is missing in a map is seen here and not
a day later in the cloud.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from edge.acquisition.shape import Shaper
from edge.doctor.diagnosis import Row, Table
from edge.drivers.inspection import Finding, Probe, Severity
from edge.drivers.spec import Point
from shared.reading import Flag, Quality, Readings, from_rows

# a source's clock is worth a word when it is ahead by more than a request and the rounding of a whole second explain
AHEAD_S = 2.0
# what has not changed has an old time, so only a long silence of a whole device is worth a note
_OLD_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Shaped:
    value: str
    quality: Quality
    flags: Flag


def tables(points: Sequence[Point], probes: Sequence[Probe], now_us: int) -> list[Table]:
    """Return a table for each device, in the order of the configuration."""
    shaped = _shape(points, probes, now_us)
    devices: dict[str, list[Row]] = {}
    for probe in sorted(probes, key=lambda probe: probe.point):
        point = points[probe.point]
        devices.setdefault(point.device, []).append(_row(point, probe, shaped[probe.point], now_us))
    return [Table(name, rows) for name, rows in devices.items()]


def findings(points: Sequence[Point], probes: Sequence[Probe], known: Iterable[Finding], now_us: int) -> list[Finding]:
    """Return what the values themselves tell; nothing about a tag that the inspector has said something about."""
    told = {finding.about for finding in known}
    shaped = _shape(points, probes, now_us)
    found = [*_byte_orders(points, probes, shaped, told), *_clocks(points, probes, now_us)]
    for probe in probes:
        point = points[probe.point]
        if point.device not in told and f"{point.device}.{point.name}" not in told:
            found.extend(_of_value(point, probe, shaped[probe.point]))
    return found


def number(value: float) -> str:
    """Write a number as people read it: seven digits, which a float32 has."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 2**53 else f"{value:.7g}"


def written(value: float | str | None) -> str:
    """Write a value, nothing for none."""
    return "" if value is None else number(value) if isinstance(value, int | float) else value


def _shape(points: Sequence[Point], probes: Sequence[Probe], now_us: int) -> Mapping[int, _Shaped]:
    readings = _readings(probes, now_us)
    shaped = Shaper([point.options for point in points]).shape(readings)
    kept = {int(tag): row for row, tag in enumerate(shaped.tag)}
    return {
        probe.point: _at(shaped, kept[probe.point])
        if probe.point in kept
        else _Shaped(written(probe.value), probe.quality, Flag(0))
        for probe in probes
    }


def _readings(probes: Sequence[Probe], now_us: int) -> Readings:
    return from_rows(
        [probe.point for probe in probes],
        [probe.source_us or 0 for probe in probes],
        now_us,
        [float(probe.value) if isinstance(probe.value, int | float) else np.nan for probe in probes],
        [int(probe.quality) for probe in probes],
        text={row: probe.value for row, probe in enumerate(probes) if isinstance(probe.value, str)},
    )


def _at(shaped: Readings, row: int) -> _Shaped:
    value, text = float(shaped.value[row]), shaped.text.get(row)
    if text is None:
        words = "" if np.isnan(value) else number(value)
    else:
        # a mapped number has its word; digits beyond 2^53 and texts stand alone
        words = (
            text if np.isnan(value) or not value.is_integer() or text.lstrip("-").isdigit() else f"{text} ({value:.0f})"
        )
    return _Shaped(words, Quality(int(shaped.quality[row])), Flag(int(shaped.flags[row])))


def _row(point: Point, probe: Probe, shaped: _Shaped, now_us: int) -> Row:
    return Row(
        point.name,
        probe.raw,
        written(probe.value),
        shaped.value,
        point.options.unit,
        shaped.quality.name.lower(),
        probe.code,
        None if probe.source_us is None else round((now_us - probe.source_us) / 1e6, 3),
        tuple(probe.alternatives),
        None if probe.server_us is None else _instant(probe.server_us),
    )


def _instant(us: int) -> str:
    # any time that a server can tell, without what the platform's functions refuse
    return f"{datetime(1970, 1, 1) + timedelta(microseconds=us):%Y-%m-%dT%H:%M:%S.%f}Z"  # noqa: DTZ001 - UTC, as said


def _of_value(point: Point, probe: Probe, shaped: _Shaped) -> list[Finding]:
    about = f"{point.device}.{point.name}"
    if probe.quality is Quality.BAD:
        code = f" ({probe.code})" if probe.code else ""
        return [Finding(Severity.ERROR, about, f"could not be read{code}", "check its address and type")]
    if Flag.NOT_FINITE in shaped.flags:
        message = f"{written(probe.value)} is no number; it is kept as a bad reading"
        return [
            Finding(Severity.WARNING, about, message, "check its type and byte_order; some devices say NaN for none")
        ]
    if Flag.OUT_OF_RANGE in shaped.flags:
        assert point.options.range is not None  # noqa: S101 - what is flagged has a range
        low, high = point.options.range
        message = f"{shaped.value} lies outside its range [{low:g}, {high:g}]"
        return [Finding(Severity.WARNING, about, message, "check scale, offset, type and byte_order, or the range")]
    if point.options.map is not None and shaped.quality is Quality.UNCERTAIN and probe.quality is Quality.GOOD:
        message = f"its map has no word for {written(probe.value)}"
        return [Finding(Severity.WARNING, about, message, f"add `{written(probe.value)}: <word>` to its map")]
    return []


def _byte_orders(
    points: Sequence[Point], probes: Sequence[Probe], shaped: Mapping[int, _Shaped], told: set[str]
) -> list[Finding]:
    """Return one finding for each device and each order that fits better than the one configured."""
    doubts: dict[tuple[str, str], list[Probe]] = {}
    for probe in probes:
        device, about = points[probe.point].device, f"{points[probe.point].device}.{points[probe.point].name}"
        configured = [alternative for alternative in probe.alternatives if alternative.is_configured]
        likely = [alternative for alternative in probe.alternatives if alternative.is_plausible]
        if likely and configured and not configured[0].is_plausible and not {device, about} & told:
            doubts.setdefault((device, likely[0].label), []).append(probe)
    return [_doubt(device, label, points, doubted, shaped) for (device, label), doubted in doubts.items()]


def _doubt(
    device: str, label: str, points: Sequence[Point], doubted: Sequence[Probe], shaped: Mapping[int, _Shaped]
) -> Finding:
    names = ", ".join(points[probe.point].name for probe in doubted[:5]) + (", .." if len(doubted) > 5 else "")
    first = doubted[0]
    now = next(alternative for alternative in first.alternatives if alternative.is_configured)
    then = next(alternative for alternative in first.alternatives if alternative.label == label)
    message = (
        f"the byte order is probably wrong: {names}: read as {now.label} the words {first.raw} of "
        f"{points[first.point].name} are {now.value}, as {label} they are {then.value}"
    )
    # a guess by size alone is only a guess; a value outside its range is wrong
    is_sure = any(Flag.OUT_OF_RANGE in shaped[probe.point].flags for probe in doubted)
    fix = f"write `byte_order: {label}` at the device (or its template, or the tag), and run doctor again"
    return Finding(Severity.ERROR if is_sure else Severity.WARNING, device, message, fix)


def _clocks(points: Sequence[Point], probes: Sequence[Probe], now_us: int) -> list[Finding]:
    newest: dict[str, int] = {}
    for probe in probes:
        if probe.source_us:
            device = points[probe.point].device
            newest[device] = max(newest.get(device, 0), probe.source_us)
    found = []
    for device, source_us in newest.items():
        age_s = (now_us - source_us) / 1e6
        if age_s < -AHEAD_S:
            message = f"its clock is ahead of this gateway's by {-age_s:.1f} s"
            fix = "set both by the same NTP server; readings keep the source's time"
            found.append(Finding(Severity.WARNING, device, message, fix))
        elif age_s > _OLD_S:
            message = f"its newest value is {_long(age_s)} old: nothing changes there, or its clock is behind"
            found.append(Finding(Severity.NOTE, device, message, "compare its clock with this gateway's"))
    return found


def _long(seconds: float) -> str:
    return f"{seconds / 86400:.1f} days" if seconds > 2 * 86400 else f"{seconds / 3600:.1f} h"
