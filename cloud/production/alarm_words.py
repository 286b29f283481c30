"""Owns which alarms a tag tells of: where its word becomes another one, and which words say that there is none. Pure.

A tag that means `alarm_code` says one code at a time. A word that is repeated is the same alarm, which goes on; so
how often a gateway reads makes no alarms. What has bad quality says nothing: the word before goes on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cloud.production.rules import Value
from shared.reading import Quality

# longer ones are messages with figures in them; as many tell one from another
LONGEST = 80
_NONE = frozenset({"", "0", "-", "none", "no alarm", "ok", "off", "false", "yok"})


@dataclass(frozen=True, slots=True)
class Word:
    """What a tag said: when (microseconds), in which order of one moment, and with which quality."""

    at: int
    n: int
    value: Value | None
    quality: int


def code(value: Value | None) -> str | None:
    """Return the code that a value stands for; None where it stands for no alarm."""
    if value is None or value == 0:
        return None
    if isinstance(value, float):
        return f"{value:.0f}" if value == round(value) else f"{value:g}"
    word = " ".join(value.split())
    return None if word.lower() in _NONE else word[:LONGEST]


def changes(words: Iterable[Word]) -> dict[int, str | None]:
    """Return when a tag began to say which code, None where it began to say that there is none.

    Args:
        words: In any order, any of them repeated; of several at one moment the last counts. The first that says
            anything is a beginning.
    """
    last: dict[int, str | None] = {}
    for word in sorted(words, key=lambda each: (each.at, each.n)):
        if word.quality != Quality.BAD:
            last[word.at] = code(word.value)
    moments = list(last)
    return {at: last[at] for place, at in enumerate(moments) if not place or last[at] != last[moments[place - 1]]}
