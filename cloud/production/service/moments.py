"""Owns how a moment is said: a datetime in tables, microseconds since 1970 UTC in the mathematics. Pure."""

from datetime import UTC, datetime, timedelta

from cloud.kpi.spans import MINUTE, Span
from cloud.production.rules import FOREVER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(at: datetime) -> int:
    """Return a moment as microseconds since 1970 UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def utc(at: int) -> datetime:
    """Return a moment as a datetime."""
    return _EPOCH + timedelta(microseconds=at)


def span(start: datetime, end: datetime | None) -> Span:
    """Return a range; without an end, for ever."""
    return Span(us(start), FOREVER if end is None else us(end))


def end_of(at: int) -> datetime | None:
    """Return an end as tables hold it: none for what goes on."""
    return None if at >= FOREVER else utc(at)


def minute(at: int) -> int:
    """Return the beginning of a moment's minute."""
    return at // MINUTE * MINUTE


def whole_minutes(span: Span) -> Span:
    """Return a range widened to whole minutes."""
    return Span(minute(span.start), -(-span.end // MINUTE) * MINUTE)
