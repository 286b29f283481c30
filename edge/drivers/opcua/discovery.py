"""Owns the tags that nobody named: variables that a browse path with wildcards leads to, each found once."""

from collections.abc import Sequence

from edge.drivers.opcua import browsing, services
from edge.drivers.opcua.addresses import lasting
from edge.drivers.opcua.browsing import Place
from edge.drivers.opcua.config import Browse
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session
from edge.drivers.spec import Point
from shared import logs

# names go into the wire
_LONGEST_NAME = 200

_log = logs.get(__name__)


class Discovery:
    """Looks for tags, and remembers which there are."""

    def __init__(self, connection: str, points: Sequence[Point], families: Sequence[Point]) -> None:
        """Look for what `families` describe; a tag that `points` has is not found again."""
        self._connection = connection
        self._families = families
        self._known = {(point.device, point.name) for point in points}

    def __bool__(self) -> bool:
        return bool(self._families)

    async def look(self, session: Session, bounds: Limits) -> list[Point]:
        """Return the points that are new since the last look.

        Raises:
            DriverError: The session was lost, or a path leads to too many nodes.
        """
        namespaces = await services.namespaces(session) if self._families else []
        found: list[Point] = []
        for family in self._families:
            options = family.options
            assert isinstance(options, Browse)  # noqa: S101 - the device's families are
            before = len(found)
            async for place in browsing.find(session, bounds, options.path):
                name = tag_name(place, options)
                if not place.is_variable or (family.device, name) in self._known:
                    continue
                self._known.add((family.device, name))
                tag = options.found(lasting(place.node, namespaces))
                found.append(Point(family.device, name, family.every_s, family.device_options, tag))
            _log.info(
                "browsed", connection=self._connection, device=family.device, path=options.path, new=len(found) - before
            )
        return found


def tag_name(place: Place, options: Browse) -> str:
    """Return the name of the tag that a place becomes: what stands below the wildcard, joined."""
    levels = browsing.split(options.path)
    wild = next((at for at, level in enumerate(levels) if "*" in level or "?" in level), len(levels) - 1)
    # the path's first level is where it begins, unless it names no beginning
    skipped = wild - 1 if levels and levels[0] in browsing.BEGINNINGS else wild
    names = [name.partition(":")[2] for name in place.names[max(0, skipped) :]]
    name = "".join(mark if mark.isprintable() else "_" for mark in "_".join(names) or place.browse_name)
    return f"{options.prefix}{name}"[:_LONGEST_NAME]
