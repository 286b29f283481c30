"""Owns where hours begin: where a plant's clock shows a full one, and where it is changed. Pure.

Facts are kept by hour, and days are added up from them. In Kolkata (+5:30), Kathmandu (+5:45) or Adelaide (+9:30,
+10:30 in summer) midnight is no full hour of UTC, so the hours are the clock's. On Lord Howe Island the clock is
changed by half an hour: an hour is cut there. Everywhere else hours are those of UTC.
"""

from datetime import UTC, datetime, timedelta, tzinfo

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def begin(at: datetime, zone: tzinfo) -> datetime:
    """Return when the hour of a moment began, UTC."""
    started = at - (at - _EPOCH + _offset(at, zone)) % _HOUR
    if _offset(started, zone) == _offset(at, zone):
        return started
    return _change(started, at, zone)


def end(at: datetime, zone: tzinfo) -> datetime:
    """Return when the hour of a moment ends, UTC; always later than the moment."""
    ends = at - (at - _EPOCH + _offset(at, zone)) % _HOUR + _HOUR
    if _offset(ends - timedelta(microseconds=1), zone) == _offset(at, zone):
        return ends
    return _change(at, ends, zone)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change(first: datetime, last: datetime, zone: tzinfo) -> datetime:
    """Return when the clock is changed between two moments of less than an hour: as a rule once, at a full minute."""
    wanted = _offset(last, zone)
    low = first - (first - _EPOCH) % _MINUTE
    high = last
    while high - low > _MINUTE:
        middle = low + (high - low) // _MINUTE // 2 * _MINUTE
        if _offset(middle, zone) == wanted:
            high = middle
        else:
            low = middle
    return low + _MINUTE
