"""The composition root: builds the gateway from its settings, runs it, and stops it in an order that loses nothing.

    driver > station > buffer > shipper > uplink          one of the first two a connection, one of the others

The order of a stop, which has 10 s in all:
1. stations end softly: what is in flight is taken, committed, acknowledged to its source (4 s);
2. the buffer seals what it holds, so that it can be shipped (1 s);
3. the shipper brings it to the cloud, if the cloud answers (3 s);
4. what is left stays on disk for the next start; health page, buffer and uplink close.
"""

import asyncio
import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata

from edge import unset
from edge.acquisition.outages import unclaimed
from edge.acquisition.station import Station
from edge.acquisition.watch import worst_skews
from edge.buffer.destinations import Target
from edge.buffer.retention import Rules
from edge.buffer.sqlite import SqliteBuffer
from edge.buffer.volume import Volume
from edge.clock import Clock
from edge.config.options import WhenFullOptions
from edge.drivers.spec import Surroundings
from edge.errors import BufferError, ConfigError  # noqa: A004 - the field's word
from edge.health import HealthServer
from edge.kernelclock import is_synchronised
from edge.live import desk
from edge.live.apply import Applier, settings_to_start
from edge.live.control import ControlServer
from edge.live.fleet import Fleet
from edge.live.memory import Memory
from edge.live.requests import Requests
from edge.notify import Notifier
from edge.page.pages import pages
from edge.page.throughput import EVERY_S, Throughput
from edge.ports import Driver, Sign
from edge.remote.assignments import Assignments
from edge.remote.line import Line, lines_to_clouds, most_rows
from edge.remote.outlet import Outlet
from edge.report import Snapshot, counters
from edge.settings import Connection, Settings, load
from edge.signals import reloading_on_hangup, stopping_on_signals
from edge.state import StateDirectory
from edge.timekeeping import LOOK_S, Step, Timekeeper
from edge.timekeeping import told as step_told
from edge.units import when_full
from shared.logs import get
from shared.reading import ClosedBy, empty
from shared.wire.lane import Lane

_log = get(__name__)
_SEAL_S = 1.0
_DRAIN_S = 3.0


async def run(settings: Settings, state: StateDirectory, clock: Clock, environ: Mapping[str, str]) -> None:
    """Run the gateway until a signal asks it to stop; a second signal cuts the draining short.

    Args:
        settings: What to build.
        state: Where buffer and lock are; held by this call.
        clock: Time.
        environ: The environment, for the supervisor's socket.

    Raises:
        AlreadyRunning: Another daemon holds the state directory.
        ConfigError: The directory or the health page's address cannot be used.
        BufferError: The buffer cannot be opened.
        asyncio.CancelledError: A second signal came.
    """
    task, stop = asyncio.current_task(), asyncio.Event()
    assert task is not None  # noqa: S101 - a coroutine runs in a task

    def on_signal() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    hangup = asyncio.Event()
    with stopping_on_signals(on_signal), reloading_on_hangup(hangup.set), state.held():
        lines = lines_to_clouds(settings, state.path)
        memory = Memory(state.path)
        assignments = Assignments(state.path, settings.file, environ, lines[0].office)
        settings, notes = settings_to_start(
            assignments.settings_to_start(settings, memory.recall()),
            memory.recall(),
            lambda files: load(settings.file, environ, files=files),
        )
        keeper = Timekeeper(clock, is_synchronised)
        path = state.path / settings.buffer_path.name
        buffer = await SqliteBuffer.open(
            path,
            max_bytes=settings.buffer.max_size,
            gateway=settings.gateway.id,
            clock=keeper,
            volume=Volume(path, settings.buffer.keep_free),
            rules=_rules(settings.buffer.when_full),
            most_rows=lambda: most_rows(lines),
            targets=[Target(each.name, each.options.url) for each in settings.destinations],
        )
        try:
            if buffer.down_since_us is not None:
                set_since = keeper.was_alive(buffer.down_since_us, unset.recall(state.path, unset.boot_id()))
                if set_since is not None:
                    # what an earlier life read while the clock was not set
                    await rebase(buffer, set_since)
                    unset.remember(state.path, None)
            live = Live(memory, notes, hangup, assignments)
            gateway = Gateway(settings, state, buffer, lines, keeper, stop, live)
            await gateway.run(Notifier(environ))
        finally:
            for line in lines:
                await line.client.close()
            await buffer.close()


def _rules(options: WhenFullOptions) -> Rules:
    texts = {Lane.STATE: options.state, Lane.PROCESS: options.process, Lane.DEBUG: options.debug}
    return {lane: when_full(text) for lane, text in texts.items()}


@dataclass(frozen=True, slots=True)
class Live:
    """What changing a running gateway needs: what is remembered, what is to be said of it, SIGHUP, and the cloud."""

    memory: Memory
    notes: list[str]
    hangup: asyncio.Event
    assignments: Assignments


async def rebase(buffer: SqliteBuffer, step: Step) -> None:
    """Move what was read while the clock was not set; where the disk refuses it keeps its flag."""
    # nothing that is sealed meanwhile is sent as it is
    buffer.hold()
    try:
        batches = await buffer.rebase(step.unset_since_us or 0, step.delta_us)
    except BufferError as error:
        _log.error("readings keep the times of a clock that was not set", error=error.message)
    else:
        _log.info("times of a clock that was not set were moved", batches=batches)
    finally:
        buffer.release()


class Gateway:
    """The gateway's parts, built and wired; nothing is opened before `run`, which drains and ends after `stop`."""

    def __init__(
        self,
        settings: Settings,
        state: StateDirectory,
        buffer: SqliteBuffer,
        lines: Sequence[Line],
        clock: Timekeeper,
        stop: asyncio.Event,
        live: Live,
    ) -> None:
        self._settings = settings
        self._state = state
        self._buffer = buffer
        self._clock = clock
        self._fleet = Fleet(self._driver, self._station, clock)
        self._inherited = buffer.open_gaps
        self._stations = self._fleet.build(settings.connections, buffer.down_since_us)
        self._applier = Applier(settings, self._fleet, live.memory, clock, live.notes)
        self._assignments = live.assignments
        self._requests = Requests(self._applier, live.assignments.load, live.hangup)
        self._outlets = [self._outlet(line, is_first=line is lines[0]) for line in lines]
        self._control = ControlServer(
            state.path, self._requests.answer, lambda do, ns: desk.answer(do, ns, buffer.look, buffer)
        )
        self._throughput = Throughput()
        self._health = HealthServer(
            pages(self.snapshot, lambda: list(self._fleet), self._throughput, clock),
            token=None if settings.health.token is None else settings.health.token.get_secret_value(),
            any_host=not settings.health.is_local,
        )
        self._version = metadata.version("tezgah")
        self._started_us = clock.now_us()
        self._started_s = clock.monotonic()
        self._stop = stop

    def _outlet(self, line: Line, *, is_first: bool) -> Outlet:
        name = line.destination.name
        configuring = (self._assignments, self._requests.take) if is_first else None
        return Outlet(line, self._buffer.lender(name), self._clock, lambda: self._sign(name), configuring)

    def _sign(self, name: str) -> Sign:
        stats = self._buffer.stats()
        backlog = stats.backlogs[name]
        skews = worst_skews(station.status().devices for station in self._fleet)
        return Sign(backlog.rows, stats.bytes, backlog.oldest_us, self._clock.now_us(), skews)

    def _driver(self, connection: Connection, missing_since_us: int | None) -> Driver:
        around = Surroundings(self._state.path, connection.families, missing_since_us)
        return connection.spec.build(connection.name, connection.options, connection.points, self._clock, around)

    def _station(self, connection: Connection, driver: Driver, missing_since_us: int | None, why: str) -> Station:
        return Station(
            connection.name,
            connection.spec.protocol,
            driver,
            connection.points,
            self._buffer,
            self._clock,
            computed=connection.computed,
            delivery_s=connection.options.delivery_s,
            missing_since_us=missing_since_us,
            missing_why=why,
            inherited=self._buffer.open_gaps,
            is_clock_set=lambda: self._clock.is_set,
        )

    async def run(self, notifier: Notifier) -> None:
        """Serve the health page, read and ship until the stop, then drain and return.

        Raises:
            ConfigError: The health page's address cannot be used.
        """
        await self._control.open()
        try:
            await self._open_health()
            await self._operate(notifier)
        finally:
            await self._health.close()
            await self._control.close()

    def snapshot(self) -> Snapshot:
        """Return how everything is now."""
        return Snapshot(
            self._clock.now_us(),
            self._started_us,
            self._clock.monotonic() - self._started_s,
            self._version,
            os.getpid(),
            self._applier.settings.gateway,
            self._stop.is_set(),
            [station.status() for station in self._fleet],
            self._buffer.stats(),
            self._outlets[0].shipper.status(),
            (*self._applier.notes, *self._notes_of_outlets(), *self._clock.notes()),
            self._assignments.version,
            self._clock.steps,
            {outlet.name: outlet.shipper.status() for outlet in self._outlets},
        )

    def _notes_of_outlets(self) -> Iterator[str]:
        for outlet in self._outlets:
            yield from outlet.errands.notes()

    async def _open_health(self) -> None:
        listen = self._settings.health.listen
        try:
            port = await self._health.open(listen.host, listen.port)
        except OSError as error:
            raise ConfigError(
                f"health.listen {listen.host}:{listen.port} cannot be used ({error.strerror}); "
                "choose another port, or 0 for any that is free"
            ) from error
        self._state.tell_port(port)
        for name in self._settings.unused:
            _log.warning("connection has no devices, so it is not opened", connection=name)
        _log.info("gateway starts", gateway=self._settings.gateway.id, version=self._version, health_port=port)

    async def _operate(self, notifier: Notifier) -> None:
        if self._clock.is_awaited:
            self._buffer.hold()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._buffer.run(), name="buffer")
            for outlet in self._outlets:
                outlet.begin(tasks)
            self._fleet.begin(tasks, self._stations)
            tasks.create_task(self._tell_devices(), name="gateway-down")
            timed = tasks.create_task(self._keep_time(tasks), name="time")
            self._requests.begin(tasks)
            watched = tasks.create_task(self._beat(notifier), name="watchdog")
            measured = tasks.create_task(self._measure(), name="throughput")
            # what is loaded stays: a collection need not walk it again, at the price of a pause for every reading
            gc.collect()
            gc.freeze()
            notifier.ready()
            await self._stop.wait()
            notifier.stopping()
            _log.info("gateway stops")
            for outlet in self._outlets:
                outlet.rest()
            timed.cancel()
            await self._requests.end()
            await self._fleet.end()
            await self._drain()
            for outlet in self._outlets:
                outlet.end()
            watched.cancel()
            measured.cancel()
            # ends its task, and with it the group
            await self._buffer.close()
        _log.info("gateway stopped", **counters(self.snapshot()), waiting=self._buffer.stats().rows)

    async def _tell_devices(self) -> None:
        """Close the hole of the whole gateway once its stations have begun those of their devices.

        They know what the sources keep. What was left open of a device that nobody reads any more ends.
        """
        down = self._buffer.down
        if down is None:
            return
        devices = {device.name for station in self._fleet for device in station.status().devices}
        told = unclaimed(self._inherited, devices, down.from_us)
        if devices:
            told.append(replace(down, revision=2, closed_us=self._clock.now_us(), closed_by=ClosedBy.SPLIT))
        await self._buffer.append(empty(), told)

    async def _keep_time(self, tasks: asyncio.TaskGroup) -> None:
        """Look whether the clock was set; while it cannot be right, keep what bears a time of it from the cloud."""
        is_held, boot, remembered = False, unset.boot_id(), None
        while True:
            counting = self._clock.counting(boot)
            if counting != remembered:
                unset.remember(self._state.path, counting)
                remembered = counting
            if self._clock.is_awaited != is_held:
                is_held = not is_held
                (self._buffer.hold if is_held else self._buffer.release)()
            await self._clock.sleep(LOOK_S)
            step = self._clock.look()
            if self._clock.is_awaited and not is_held:
                # before the first reading that is flagged is sealed
                self._buffer.hold()
                is_held = True
            if step is not None:
                await self._take_step(step, tasks)

    async def _take_step(self, step: Step, tasks: asyncio.TaskGroup) -> None:
        gap = step_told(step)
        _log.warning("the clock was set", detail=gap.detail, old_us=step.old_us, new_us=step.new_us)
        await self._buffer.append(empty(), [gap])
        for station in self._fleet:
            tasks.create_task(station.step(step), name=f"step-{station.name}")
        if step.unset_since_us is not None:
            await rebase(self._buffer, step)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_SEAL_S):
                await self._buffer.flush()
        except (BufferError, TimeoutError) as error:
            _log.warning("not everything was sealed; it is on disk and waits for the next start", error=str(error))
        async with asyncio.TaskGroup() as tasks:
            for outlet in self._outlets:
                tasks.create_task(self._drain_to(outlet), name=f"drain-{outlet.name}")

    async def _drain_to(self, outlet: Outlet) -> None:
        if not await outlet.shipper.drain(_DRAIN_S):
            waiting = self._buffer.stats().backlogs[outlet.name].rows
            _log.info(
                "not everything reached the cloud; it waits for the next start",
                destination=outlet.name,
                waiting=waiting,
            )

    async def _measure(self) -> None:
        while True:
            told = counters(self.snapshot())
            self._throughput.sample(self._clock.monotonic(), told["read"], told["appended"], told["settled"])
            await self._clock.sleep(EVERY_S)

    async def _beat(self, notifier: Notifier) -> None:
        while notifier.every_s is not None:
            await self._clock.sleep(notifier.every_s)
            notifier.alive()
