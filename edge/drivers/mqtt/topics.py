"""Topics and topic filters: which match, which overlap, and what their wildcards stand for; pure (MQTT 3.1.1, 4.7)."""

import re
from collections.abc import Sequence

_PLACE = re.compile(r"\{(\d+)\}")


def checked(text: str) -> str:
    """Accept a topic or topic filter.

    Raises:
        ValueError: It is none, or of a kind that is not taken.
    """
    if "{" in text:
        raise ValueError(f"{text!r}: expected + where a level is captured; {{1}} goes into `device` and names of tags")
    if text.startswith("$share/"):
        raise ValueError(f"{text!r}: a shared subscription gives this gateway only a part; write the topic alone")
    if not text or len(text.encode("utf-8", "surrogatepass")) > 65535 or not text.isprintable():
        raise ValueError("a topic has 1 to 65535 bytes of UTF-8 and no control characters")
    levels = text.split("/")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f"{text!r}: + stands for one whole level, as in plant/+/data")
    if "#" in "".join(levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError(f"{text!r}: # stands for all remaining levels, at the end, as in plant/#")
    return text


def matches(filter: str, topic: str) -> bool:
    """Tell whether a topic filter matches a topic."""
    levels, names = filter.split("/"), topic.split("/")
    if topic.startswith("$") and levels[0] in {"+", "#"}:
        return False
    for place, level in enumerate(levels):
        if level == "#":
            return True
        if place == len(names):
            return False
        if level not in {"+", names[place]}:
            return False
    return len(levels) == len(names)


def overlap(one: str, other: str) -> bool:
    """Tell whether some topic is matched by both filters."""
    short, long = sorted((one.split("/"), other.split("/")), key=len)
    if short[0] != long[0] and "$" in {short[0][:1], long[0][:1]}:
        return False
    for x, y in zip(short, long, strict=False):
        if "#" in {x, y}:
            return True
        if x != y and "+" not in {x, y}:
            return False
    return len(short) == len(long) or long[len(short)] == "#"


def captures(filter: str, topic: str) -> list[str]:
    """Return what the wildcards of a filter stand for in a topic that it matches; # stands for all that is left."""
    levels, names = filter.split("/"), topic.split("/")
    found = [names[place] for place, level in enumerate(levels) if level == "+"]
    return [*found, "/".join(names[len(levels) - 1 :])] if levels[-1] == "#" else found


def wildcards(filter: str) -> int:
    """Return how many wildcards a filter has."""
    return sum(level in {"+", "#"} for level in filter.split("/"))


def places(pattern: str) -> set[int]:
    """Return the numbers that stand in braces in a name."""
    return {int(number) for number in _PLACE.findall(pattern)}


def fill(pattern: str, captured: Sequence[str]) -> str:
    """Put what was captured where a name says {1}, {2}, .."""
    return _PLACE.sub(lambda found: captured[int(found[1]) - 1], pattern)
