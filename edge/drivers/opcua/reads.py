"""Owns the timed reads: which points are due when, and how their values are asked for."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import BadTooManyOperations

from edge.drivers.opcua import services
from edge.drivers.opcua.changes import Changes, Picks
from edge.drivers.opcua.decode import read_values
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session
from shared.reading import Quality, Readings, concatenate, from_rows


class TimedReads:
    """The points of one session that are read, each in its period; those of one period are read together.

    A period that could not be kept is not made up for: the next reading is due a period after this one.
    """

    def __init__(self) -> None:
        self._groups: dict[float, list[int]] = defaultdict(list)
        self._due: dict[float, float] = {}
        self._nodes: dict[int, ua.NodeId] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def add(self, nodes: Mapping[int, ua.NodeId], every_s: Mapping[int, float], now: float) -> None:
        """Read these points from now on; `now` by the monotonic clock."""
        for point, node in nodes.items():
            if point not in self._nodes:
                self._groups[every_s[point]].append(point)
                self._due.setdefault(every_s[point], now)
            self._nodes[point] = node

    def wait_s(self, now: float) -> float | None:
        """Return how long nothing is due, None if nothing ever is."""
        return max(0.0, min(self._due.values()) - now) if self._due else None

    async def due(
        self, session: Session, bounds: Limits, now: float, received_us: Callable[[], int], picks: Picks
    ) -> Changes:
        """Read what is due; a node that the server refuses is a bad reading.

        Raises:
            DriverError: The session was lost.
        """
        points: list[int] = []
        for every_s, due in self._due.items():
            if due <= now:
                points += self._groups[every_s]
                self._due[every_s] = max(due + every_s, now)
        blocks, beside = [], []
        while points:
            part, points = points[: bounds.read], points[bounds.read :]
            with session.telling(f"reading {len(part)} values"):
                try:
                    answer = await services.values(session, [self._nodes[point] for point in part])
                except BadTooManyOperations:
                    if len(part) == 1:
                        raise
                    bounds.halve("read", len(part))
                    points = part + points
                    continue
                read = read_values(answer, part, received_us(), picks)
                blocks.append(read.readings)
                if read.beside is not None:
                    beside.append(read.beside)
            # let others in between: a large list takes long
            await asyncio.sleep(0)
        return Changes(concatenate(blocks), [], concatenate(beside) if beside else None)


def unknown(points: Sequence[int], now_us: int) -> Readings:
    """Return bad readings for points whose node the server does not have."""
    rows = len(points)
    nothing = np.full(rows, np.nan).tolist()
    return from_rows(points, [0] * rows, now_us, nothing, int(Quality.BAD), 0, int(StatusCodes.BadNodeIdUnknown))
