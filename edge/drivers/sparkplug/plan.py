"""What is subscribed to, and which points the metrics of a node or device feed; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from edge.drivers.sparkplug.config import DISCOVERED, DiscoverOptions, SparkplugDevice, SparkplugTag
from edge.drivers.sparkplug.nodes import Source
from edge.drivers.spec import Point

NAMESPACE = "spBv1.0"
# nodes of which is remembered whether anything is taken from them
_REMEMBERED = 10_000
# points that may be found: a node that makes up names must not fill the memory
MOST_FOUND = 50_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the configuration."""

    options: SparkplugDevice
    tags: list[Point]
    discover: Point | None


@dataclass(slots=True)
class _Taking:
    """What one entry takes from one source: its device, places by metric, and what makes more of them."""

    device: str
    options: SparkplugDevice
    places: dict[str, int]
    discover: Point | None
    include: re.Pattern[str]
    exclude: re.Pattern[str]


class Plan:
    """The points of one connection.

    Attributes:
        left_out: Points that were not made because there were too many, or their names cannot be kept.
    """

    def __init__(self, points: Sequence[Point], families: Sequence[Point] = ()) -> None:
        """Lay out a connection's points, and patterns of points."""
        self._places = {(point.device, point.name): place for place, point in enumerate(points)}
        self._known = len(points)
        self._entries = list(_entries(points, families))
        self._takings: dict[Source, list[_Taking]] = {}
        self._wanted: dict[tuple[str, ...], bool] = {}
        self._found: list[Point] = []
        self.left_out = 0

    def subscriptions(self) -> dict[str, int]:
        """Return topic filters that never match one message twice, each with its quality of service."""
        groups = {entry.options.group for entry in self._entries}
        if any("*" in group for group in groups):
            return {f"{NAMESPACE}/#": 1}
        return {f"{NAMESPACE}/{group}/#": 1 for group in sorted(groups)}

    def named_nodes(self) -> list[Source]:
        """Return the nodes that the configuration names without a pattern."""
        named = {(entry.options.group, entry.options.node) for entry in self._entries}
        return [Source(group, node) for group, node in sorted(named) if "*" not in group + node]

    def wants(self, source: Source) -> bool:
        """Tell whether anything is taken from a node, or from any of its devices."""
        key = source[:2]
        wanted = self._wanted.get(key)
        if wanted is None:
            wanted = any(
                _glob(e.options.group).fullmatch(source.group) and _glob(e.options.node).fullmatch(source.node)
                for e in self._entries
            )
            if len(self._wanted) < _REMEMBERED:
                self._wanted[key] = wanted
        return wanted

    def of(self, source: Source, metric: str) -> list[int]:
        """Return the places of the points that a metric feeds; new ones are made where that is wanted."""
        return [place for taking in self._of(source) if (place := self._place_of(taking, metric)) is not None]

    def expected(self, source: Source) -> list[tuple[str, int]]:
        """Return metrics that tags of a source name, or have been found, with their places."""
        return [item for taking in self._of(source) for item in taking.places.items()]

    def devices(self, source: Source) -> list[str]:
        """Return the names of the devices that a source's metrics belong to."""
        return [taking.device for taking in self._of(source)]

    def announce(self) -> list[Point]:
        """Return the points found since last time."""
        found, self._found = self._found, []
        return found

    def _of(self, source: Source) -> list[_Taking]:
        takings = self._takings.get(source)
        if takings is None:
            takings = [self._taking(entry, source) for entry in self._entries if _matches(entry.options, source)]
            self._takings[source] = takings
        return takings

    def _taking(self, entry: _Entry, source: Source) -> _Taking:
        options = entry.options
        device = options.name
        if options.is_pattern:
            device = re.sub(r"\{(\d)\}", lambda found: source[int(found[1]) - 1], options.device or "")
        places = {}
        for point in entry.tags:
            place = self._place(replace(point, device=device))
            if place is not None:
                places[cast("SparkplugTag", point.options).metric] = place
        discover = cast("DiscoverOptions", entry.discover.options) if entry.discover else DiscoverOptions()
        return _Taking(
            device, options, places, entry.discover, _patterns(discover.include), _patterns(discover.exclude)
        )

    def _place_of(self, taking: _Taking, metric: str) -> int | None:
        place = taking.places.get(metric)
        if place is None and taking.discover is not None and _is_taken(taking, metric):
            prefix = cast("DiscoverOptions", taking.discover.options).prefix
            place = self._place(replace(taking.discover, device=taking.device, name=prefix + metric))
            if place is not None:
                taking.places[metric] = place
        return place

    def _place(self, point: Point) -> int | None:
        """Return a point's place, a new one if it was never seen; None if there is no room, or no such name."""
        place = self._places.get((point.device, point.name))
        if place is None:
            is_name = all(0 < len(name) <= 200 and name.isprintable() for name in (point.device, point.name))
            if not is_name or len(self._places) - self._known >= MOST_FOUND:
                self.left_out += 1
                return None
            place = self._places[point.device, point.name] = len(self._places)
            self._found.append(point)
        return place


def _entries(points: Sequence[Point], families: Sequence[Point]) -> list[_Entry]:
    """Bring together what belongs to one entry of the configuration."""
    entries: dict[str, _Entry] = {}
    for point in (*points, *families):
        options = cast("SparkplugDevice", point.device_options)
        entry = entries.setdefault(options.name, _Entry(options, [], None))
        if point.name == DISCOVERED and isinstance(point.options, DiscoverOptions):
            entries[options.name] = replace(entry, discover=point)
        else:
            entry.tags.append(point)
    return list(entries.values())


def _matches(options: SparkplugDevice, source: Source) -> bool:
    # * stands for any device, and a node itself is none
    if bool(options.source) != bool(source.device):
        return False
    patterns = (options.group, options.node, options.source or "")
    return all(_glob(pattern).fullmatch(name) is not None for pattern, name in zip(patterns, source, strict=True))


def _is_taken(taking: _Taking, metric: str) -> bool:
    return bool(taking.include.fullmatch(metric)) and not taking.exclude.fullmatch(metric)


def _glob(pattern: str) -> re.Pattern[str]:
    """Return the expression of a pattern: * stands for any characters but /, ** for those too."""
    return re.compile(re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*"))


def _patterns(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_glob(pattern).pattern})" for pattern in patterns) or r"(?!)")
