"""What is subscribed to, and which points a message of a topic feeds; pure.

Points that are known beforehand have their places in the driver's list. Those of which only a message tells (a device
behind a wildcard, a point of an array that names itself) are made here when it comes, get the next places, and wait
in `found` until the driver announces them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import cast
from zoneinfo import ZoneInfo

from edge.drivers.broker.rows import MISSING
from edge.drivers.mqtt import payload, timestamp, topics
from edge.drivers.mqtt.config import UNLISTED, MqttDevice, MqttTag
from edge.drivers.mqtt.jsonpath import Path, parse, walk
from edge.drivers.mqtt.payload import Documents, Form
from edge.drivers.spec import Point
from edge.errors import ConfigError

# topics whose routes are remembered; more than that many behind wildcards are found anew each time
_REMEMBERED = 10_000
_NO_TIME = timestamp.reader("unix_us")
# points that may be found: a publisher that makes up names must not fill the memory
MOST_FOUND = 20_000


@dataclass(frozen=True, slots=True)
class Named:
    """Points of an array that say which tag they are.

    Attributes:
        name, value: Where an element says so.
        places: Tag to place in the driver's list.
        unlisted: Of what tags are made that are not listed; None leaves them out.
    """

    name: Path
    value: Path
    places: dict[str, int]
    unlisted: Point | None


@dataclass(frozen=True, slots=True)
class Route:
    """What one device takes from a message.

    Attributes:
        device: Its name.
        options: As configured.
        points: Places in the driver's list of points.
        paths: Where each point's value stands in a document.
        names: The paths as member names, if each is one member of the root object; else empty.
        ts: Where the time stands in a document, or None if it has none.
        read_time: Reads that time.
        array: Where the array of points stands in JSON; None for a message that is one document.
        documents: Reads a payload that is not JSON; None for JSON.
        named: For points that name themselves; `points` is then empty.
    """

    device: str
    options: MqttDevice
    points: tuple[int, ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...] = ()
    ts: Path | None = None
    read_time: timestamp.Reader = _NO_TIME
    array: Path | None = None
    documents: Documents | None = None
    named: Named | None = None

    def values(self, document: object) -> list[object]:
        """Return the raw value of each point, `MISSING` where the document has none."""
        if self.names and isinstance(document, dict):
            return [document.get(name, MISSING) for name in self.names]
        return [walk(document, path) for path in self.paths]


@dataclass(slots=True)
class _Rule:
    """One entry of the configuration: its points, if they are known, and patterns of those that are not."""

    options: MqttDevice
    route: Route
    patterns: list[Point] = field(default_factory=list)


class Plan:
    """The subscriptions of one connection, and the routes behind each.

    Attributes:
        subscriptions: Topic filters, each with the highest quality of service that a device asks for.
        found: Points that were made since the driver last announced some, in the order of their places.
        left_out: Points that were not made because there were too many, or their names cannot be kept.
    """

    def __init__(self, connection: str, points: Sequence[Point], families: Sequence[Point] = ()) -> None:
        """Lay out a connection's points, and patterns of points.

        Raises:
            ConfigError: Two different filters match one topic: a broker may then send a message once or
                twice, as it likes (MQTT 3.1.1, 3.3.5), and nobody could tell a copy from a reading.
        """
        self.subscriptions: dict[str, int] = {}
        self.found: list[Point] = []
        self.left_out = 0
        self._places = {(point.device, point.name): place for place, point in enumerate(points)}
        self._known = len(points)
        self._behind: dict[str, list[_Rule]] = {}
        for entry in _by_entry(points, families):
            options = cast("MqttDevice", (entry[0] or entry[1])[0].device_options)
            self.subscriptions[options.topic] = max(self.subscriptions.get(options.topic, 0), options.qos)
            self._behind.setdefault(options.topic, []).append(self._rule(options, *entry))
        self._wild = [topic for topic in self._behind if topics.wildcards(topic)]
        for wild, topic in product(self._wild, self._behind):
            if wild != topic and topics.overlap(wild, topic):
                raise ConfigError(
                    f"connection {connection}: the topics {wild!r} and {topic!r} match the same messages; "
                    "give both devices the same topic, or put them on two connections with a client_id each"
                )
        self._found: dict[str, tuple[Route, ...]] = {
            topic: tuple(self._made(rule, topic) for rule in rules)
            for topic, rules in self._behind.items()
            if topic not in self._wild
        }

    def routes(self, topic: str) -> tuple[Route, ...]:
        """Return who takes a message of this topic; empty if nobody does."""
        routes = self._found.get(topic)
        if routes is None:
            rules = [rule for wild in self._wild if topics.matches(wild, topic) for rule in self._behind[wild]]
            routes = tuple(self._made(rule, topic) for rule in rules)
            if len(self._found) < _REMEMBERED:
                self._found[topic] = routes
        return routes

    def behind(self, topic: str) -> list[int]:
        """Return the places of the points that are known to be fed by a topic filter."""
        return [place for rule in self._behind[topic] for place in self._places_of(rule.route)]

    def announce(self) -> list[Point]:
        """Return the points found since last time."""
        found, self.found = self.found, []
        return found

    def place(self, route: Route, name: str) -> int | None:
        """Return the place of the point of an array that calls itself so; None if there is to be none."""
        named = route.named
        assert named is not None  # noqa: S101 - asked for such routes only
        place = named.places.get(name)
        if place is None and named.unlisted is not None:
            place = self._place(replace(named.unlisted, device=route.device, name=name, device_options=route.options))
            if place is not None:
                named.places[name] = place
        return place

    def _rule(self, options: MqttDevice, points: Sequence[Point], families: Sequence[Point]) -> _Rule:
        tags = [point for point in families if point.name != UNLISTED]
        unlisted = next((point for point in families if point.name == UNLISTED), None)
        route = _route(options, [(self._places[point.device, point.name], point) for point in points], unlisted)
        return _Rule(options, route, tags)

    def _made(self, rule: _Rule, topic: str) -> Route:
        """Return the route of a topic: the entry's own, or one of its pattern."""
        options = rule.options
        if not options.is_pattern:
            return rule.route
        captured = topics.captures(options.topic, topic)
        device = topics.fill(options.device or options.name, captured)
        machine = topics.fill(options.machine, captured) if options.machine else None
        own = options.model_copy(update={"machine": machine})
        points = []
        for pattern in rule.patterns:
            point = replace(pattern, device=device, name=topics.fill(pattern.name, captured), device_options=own)
            place = self._place(point)
            if place is not None:
                points.append((place, point))
        named = rule.route.named
        return replace(_route(own, points, named.unlisted if named else None), device=device)

    def _place(self, point: Point) -> int | None:
        """Return a point's place, a new one if it was never seen; None if there is no room, or no such name."""
        place = self._places.get((point.device, point.name))
        if place is None:
            is_name = all(0 < len(name) <= 200 and name.isprintable() for name in (point.device, point.name))
            if not is_name or len(self._places) - self._known >= MOST_FOUND:
                self.left_out += 1
                return None
            place = self._places[point.device, point.name] = len(self._places)
            self.found.append(point)
        return place

    @staticmethod
    def _places_of(route: Route) -> Sequence[int]:
        return list(route.named.places.values()) if route.named else route.points


def _by_entry(points: Sequence[Point], families: Sequence[Point]) -> list[tuple[list[Point], list[Point]]]:
    """Bring together what belongs to one entry of the configuration."""
    entries: dict[str, tuple[list[Point], list[Point]]] = {}
    for kind, of in enumerate((points, families)):
        for point in of:
            entries.setdefault(point.device_options.name, ([], []))[kind].append(point)
    return list(entries.values())


def _route(options: MqttDevice, points: Sequence[tuple[int, Point]], unlisted: Point | None) -> Route:
    array = options.points
    paths = tuple(_path(cast("MqttTag", point.options)) for _, point in points)
    names = tuple(path[0] for path in paths if len(path) == 1 and isinstance(path[0], str))
    named = None
    if array and array.name and array.value:
        places = {point.name: place for place, point in points}
        named = Named(parse(array.name), parse(array.value), places, unlisted)
    zone = ZoneInfo(options.ts.timezone) if options.ts and options.ts.timezone else None
    return Route(
        device=options.device if options.device and not options.is_pattern else options.name,
        options=options,
        points=() if named else tuple(place for place, _ in points),
        paths=() if named else paths,
        names=() if named or len(names) < len(paths) else names,
        ts=_step(options.ts.path, options.ts.column) if options.ts else None,
        read_time=timestamp.reader(options.ts.format if options.ts else "unix_us", zone),
        array=parse(array.path) if array else None,
        documents=_documents(options),
        named=named,
    )


def _path(tag: MqttTag) -> Path:
    return _step(tag.path, tag.column)


def _step(path: str | None, column: int | str | None) -> Path:
    """Return the way to a value: a JSON path, a column, or the document itself."""
    if column is not None:
        return (column - 1 if isinstance(column, int) else column,)
    return parse(path) if path is not None else ()


def _documents(options: MqttDevice) -> Documents | None:
    csv = options.csv
    match options.payload:
        case Form.JSON:
            return None
        case Form.TEXT:
            return lambda data: payload.text(data, csv.decimal)
        case Form.CSV:
            return lambda data: payload.table(data, csv.delimiter, csv.decimal, header=csv.header)
