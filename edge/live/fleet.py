"""The stations that run: begun, ended, and one by one replaced while the others go on."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edge.acquisition.station import Station
from edge.clock import Clock
from edge.ports import Driver
from edge.settings import Connection
from shared.logs import get

_log = get(__name__)
# a station's soft end has 3 s, and its last word half a second more
END_S = 4.0


@dataclass(frozen=True, slots=True)
class _Running:
    connection: Connection
    station: Station
    task: asyncio.Task[None]
    tending: asyncio.Task[None]


# makes a connection's driver, given since when readings may be missing; nothing connects yet
BuildDriver = Callable[[Connection, int | None], Driver]
# makes its station, given since when readings may be missing, and why
BuildStation = Callable[[Connection, Driver, int | None, str], Station]


class Fleet:
    """Runs one station a connection.

    Args:
        build_driver, build_station: How they are made.
        clock: Time.
    """

    def __init__(self, build_driver: BuildDriver, build_station: BuildStation, clock: Clock) -> None:
        self._build_driver = build_driver
        self._build_station = build_station
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def __iter__(self) -> Iterator[Station]:
        return iter([running.station for running in self._running.values()])

    def __len__(self) -> int:
        return len(self._running)

    def build(
        self, connections: Sequence[Connection], missing_since_us: int | None
    ) -> list[tuple[Connection, Station]]:
        """Make the stations of a start.

        Raises:
            ConfigError: A driver refuses its points.
            BufferError: The tags could not be written.
        """
        return [
            (connection, self._build_station(connection, driver, missing_since_us, ""))
            for connection in connections
            for driver in [self._build_driver(connection, missing_since_us)]
        ]

    def begin(self, tasks: asyncio.TaskGroup, stations: Sequence[tuple[Connection, Station]]) -> None:
        """Run these stations, in tasks of this group."""
        self._tasks = tasks
        for connection, station in stations:
            self._run(connection, station)

    async def change(self, connections: Sequence[Connection]) -> None:
        """Run these connections and no others; one that is as it was goes on and is not touched.

        What a connection said until its end is on disk then; what it may have said until it is back is a gap.

        Raises:
            ConfigError: A driver refuses its points; nothing was changed.
            BufferError: Tags could not be written; those that are not in the order of before have ended.
        """
        wanted = {connection.name: connection for connection in connections}
        leaving = [run for name, run in self._running.items() if wanted.get(name) != run.connection]
        kept = self._running.keys() - {run.connection.name for run in leaving}
        before = {run.connection.name for run in leaving}
        now_us = self._clock.now_us()
        drivers = [
            (found, self._build_driver(found, now_us if name in before else None))
            for name, found in wanted.items()
            if name not in kept
        ]
        await self._end(leaving)
        for run in leaving:
            del self._running[run.connection.name]
        now_us = self._clock.now_us()
        for connection, driver in drivers:
            since_us = now_us if connection.name in before else None
            self._run(connection, self._build_station(connection, driver, since_us, "the configuration was changed"))
        # the order of the file, for whoever looks
        self._running = {name: self._running[name] for name in wanted}

    async def end(self) -> None:
        """End all of them softly, within `END_S`."""
        await self._end(list(self._running.values()))

    def _run(self, connection: Connection, station: Station) -> None:
        assert self._tasks is not None  # noqa: S101 - begin() has set it
        self._running[connection.name] = _Running(
            connection,
            station,
            self._tasks.create_task(station.run(), name=f"station-{station.name}"),
            self._tasks.create_task(station.tend(), name=f"silence-{station.name}"),
        )

    @staticmethod
    async def _end(leaving: Sequence[_Running]) -> None:
        if not leaving:
            return
        for run in leaving:
            run.tending.cancel()
            run.station.finish()
        tasks = [run.task for run in leaving]
        _, late = await asyncio.wait(tasks, timeout=END_S)
        for task in late:
            _log.warning("a connection did not end in time", task=task.get_name())
            task.cancel()
        if late:
            # closing a driver is bounded in time
            await asyncio.wait(late, timeout=END_S)
