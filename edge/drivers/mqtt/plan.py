"""What is subscribed to, and which points a message of a topic feeds; pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

from edge.drivers.mqtt import timestamp
from edge.drivers.mqtt.config import MqttDevice, MqttTag
from edge.drivers.mqtt.jsonpath import MISSING, Path, parse, walk
from edge.drivers.spec import Point
from edge.errors import ConfigError

# topics whose routes are remembered; more than that many behind wildcards are found anew each time
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """What one device takes from a message.

    Attributes:
        device: Its name.
        points: Places in the driver's list of points.
        paths: Where each point's value stands.
        names: The paths as member names, if each is one member of the root object; else empty.
        ts: Where the message's time stands, or None if it has none.
        read_time: Reads that time.
    """

    device: str
    points: tuple[int, ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    ts: Path | None
    read_time: Callable[[object], int | None]

    def values(self, document: object) -> list[object]:
        """Return the raw value of each point, `MISSING` where the document has none."""
        if self.names and isinstance(document, dict):
            return [document.get(name, MISSING) for name in self.names]
        return [walk(document, path) for path in self.paths]


class Plan:
    """The subscriptions of one connection, and the routes behind each.

    Attributes:
        subscriptions: Topic filters, each with the highest quality of service that a device asks for.
        behind: The routes behind each filter.
    """

    def __init__(self, connection: str, points: Sequence[Point]) -> None:
        """Lay out a connection's points.

        Raises:
            ConfigError: Two different filters match one topic: a broker may then send a message once or
                twice, as it likes (MQTT 3.1.1, 3.3.5), and nobody could tell a copy from a reading.
        """
        self.subscriptions: dict[str, int] = {}
        self.behind: dict[str, list[Route]] = {}
        for device, places in _by_device(points).items():
            options = cast("MqttDevice", points[places[0]].device_options)
            self.subscriptions[options.topic] = max(self.subscriptions.get(options.topic, 0), options.qos)
            self.behind.setdefault(options.topic, []).append(_route(device, options, points, places))
        self._wild = [topic for topic in self.behind if "+" in topic or "#" in topic]
        for wild, topic in product(self._wild, self.behind):
            if wild != topic and overlap(wild, topic):
                raise ConfigError(
                    f"connection {connection}: the topics {wild!r} and {topic!r} match the same messages; "
                    "give both devices the same topic, or put them on two connections with a client_id each"
                )
        self._found: dict[str, tuple[Route, ...]] = {
            topic: tuple(routes) for topic, routes in self.behind.items() if topic not in self._wild
        }

    def routes(self, topic: str) -> tuple[Route, ...]:
        """Return who takes a message of this topic; empty if nobody does."""
        routes = self._found.get(topic)
        if routes is None:
            routes = tuple(r for wild in self._wild if matches(wild, topic) for r in self.behind[wild])
            if len(self._found) < _REMEMBERED:
                self._found[topic] = routes
        return routes


def _by_device(points: Sequence[Point]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, point in enumerate(points):
        places.setdefault(point.device, []).append(place)
    return places


def _route(device: str, options: MqttDevice, points: Sequence[Point], places: Sequence[int]) -> Route:
    paths = tuple(parse(cast("MqttTag", points[place].options).path) for place in places)
    names = tuple(path[0] for path in paths if len(path) == 1 and isinstance(path[0], str))
    return Route(
        device=device,
        points=tuple(places),
        paths=paths,
        names=names if len(names) == len(paths) else (),
        ts=parse(options.ts.path) if options.ts else None,
        read_time=timestamp.reader(options.ts.format if options.ts else timestamp.TimeFormat.UNIX_US),
    )


def matches(filter: str, topic: str) -> bool:
    """Tell whether a topic filter matches a topic (MQTT 3.1.1, 4.7)."""
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
