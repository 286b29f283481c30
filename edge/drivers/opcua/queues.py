"""Owns how many values of one tag a server is to keep, and how long a cut they cover; pure."""

import math

# Queues asked for by default: never so small that a burst overflows, never more than a server keeps (asyncua: 10,000).
_QUEUE = (10, 10_000)


def queue_size(every_s: float, survive_s: float, asked: int | None) -> int:
    """Choose how many values of one tag the server is to keep: what was asked, or enough for a cut of `survive_s`."""
    if asked is not None:
        return asked
    least, most = _QUEUE
    return most if every_s <= 0 else min(most, max(least, math.ceil(survive_s / every_s)))


def covered_s(every_s: float, queue: int) -> float:
    """Return how long a cut a queue of so many values survives if each sample is a new value, seconds."""
    return every_s * queue
