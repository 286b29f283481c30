"""Owns what is said of a plan before any server was asked, by the profile that the configuration gives it; pure.

The driver's declaration names it, so it must not load the protocol's library.
"""

from collections.abc import Iterator, Sequence

from edge.drivers.opcua.config import NodeOptions, OpcUaConnection, Reading
from edge.drivers.opcua.profiles import PROFILES, Asked, overloads, shortages
from edge.drivers.opcua.queues import queue_size
from edge.drivers.opcua.servertimes import name_of, wanted
from edge.drivers.spec import ConnectionOptions, Point


def asked(options: OpcUaConnection, points: Sequence[Point]) -> Asked:
    """Return what points ask of the server, to be held against its profile; those that are read ask for no item."""
    watched = [
        (point.every_s, point.options)
        for point in points
        if isinstance(point.options, NodeOptions) and point.options.mode is not Reading.READ
    ]
    queues = (queue_size(every_s, options.survive_outage, tag.queue) for every_s, tag in watched)
    sampling_ms = tuple(every_s * 1000 for every_s, _ in watched)
    return Asked(sampling_ms, options.publishing_interval * 1000, max(queues, default=0))


def companions(options: ConnectionOptions, points: Sequence[Point]) -> Iterator[tuple[Point, str]]:
    """Yield the points whose server times are wanted, each with the name of the tag that holds them."""
    if isinstance(options, OpcUaConnection):
        yield from ((point, name_of(point)) for point in points if wanted(point, by_default=options.server_time))


def advise(options: ConnectionOptions, points: Sequence[Point]) -> Iterator[str]:
    """Say where a plan exceeds what a server of the configured profile gives, and which server times are not kept."""
    if isinstance(options, OpcUaConnection) and options.profile is not None:
        profile, plan = PROFILES[options.profile], asked(options, points)
        for message, fix in [*overloads(profile, plan), *shortages(profile, plan)]:
            yield f"{message}; {fix}"
    taken = {(point.device, point.name) for point in points}
    for point, name in companions(options, points):
        if (point.device, name) in taken:
            yield (
                f"{point.device}: the server times of {point.name} are not kept, for another tag is called {name}; "
                f"call that otherwise, or write `server_time: false` at {point.name}"
            )
