"""One connection's station: keeps its session, and brings what the driver decoded to the buffer.

A driver hands over a sample; `shape` says what of it is kept; the buffer takes it and promises to commit;
the driver is told when that is done, and tells the source. The station does not wait for the commit, so a
source is only ever held up by a full buffer.

It is the one that opens the session again after a loss, and says so once. Nobody may take the last values
before a loss for new ones, so every tag gets a bad reading; and each device gets a gap from its last reading on, on
disk at once, which ends when the session is back. So it does when the gateway was down, from the gateway's last sign of
life. The gap of a device whose source keeps what we miss goes on until its driver has said what came of that.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from edge.acquisition.board import Board
from edge.acquisition.confirmations import Confirmations
from edge.acquisition.derivation import Derivation
from edge.acquisition.intake import Intake
from edge.acquisition.journal import Journal
from edge.acquisition.outages import Outages
from edge.acquisition.shape import Shaper
from edge.acquisition.status import StationState, StationStatus
from edge.acquisition.watch import Watch, fit
from edge.backoff import CAP_S, Backoff
from edge.clock import Clock
from edge.drivers.spec import Point
from edge.errors import BufferError, DriverError  # noqa: A004 - the field's word
from edge.ports import BEFORE_US, Buffer, Driver, Measured, Sample, Tense
from edge.timekeeping import Step
from shared.errors import AppError
from shared.logs import get
from shared.reading import Gap, GapCause, Readings, concatenate, empty

_log = get(__name__)
# a stop leaves this long for what is in flight: the daemon's whole stop has 10 s
FINISH_S = 3.0
# and this long for the last word of a connection that waited for room, within the same 10 s
_LAST_S = 0.5
# how often silence is looked for; who has to hear of it sooner watches the device by other means
_TEND_S = 1.0


class Station:
    """Owns one driver.

    Args:
        name: The connection's name.
        protocol: For the health page.
        driver: Not open; it is the station's from now on.
        points: What the driver's rows index.
        computed: Points that are computed of them.
        buffer: Takes what is kept.
        clock: Time.
        delivery_s: How old a value may be when it arrives.
        missing_since_us: Since when readings may be missing because the gateway was down, UTC microseconds; None if
            it never ran before.
        missing_why: Why they may be missing, if not because the gateway was down, for people.
        finish_s: How long a soft end may take.
        inherited: Gaps of its devices that an earlier life left open.
        is_clock_set: Whether the clock is right; what is taken while it is not is flagged.
    """

    def __init__(
        self,
        name: str,
        protocol: str,
        driver: Driver,
        points: Sequence[Point],
        buffer: Buffer,
        clock: Clock,
        *,
        computed: Sequence[Point] = (),
        delivery_s: float = 0.0,
        missing_since_us: int | None = None,
        missing_why: str = "",
        finish_s: float = FINISH_S,
        inherited: Sequence[Gap] = (),
        is_clock_set: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name = name
        self._protocol = protocol
        self._driver = driver
        self._clock = clock
        self._finish_s = finish_s
        # computed points stand behind the driver's, and those that it finds later behind them
        self._driven, self._computed = len(points), len(computed)
        points = (*points, *computed)
        # what the page and the tools on this machine are shown
        self.board = Board(points)
        self.journal = Journal()
        self._intake = Intake(name, points, buffer, clock, self.journal, is_clock_set=is_clock_set)
        self._shaper = Shaper([point.options for point in points], Derivation(points), is_clock_set=is_clock_set)
        since_us = clock.now_us() if missing_since_us is None else missing_since_us
        self._watch = Watch(points, since_us, round(delivery_s * 1e6))
        self._outages = Outages(gap for gap in inherited if gap.device in self._watch.devices)
        self._was_down = missing_since_us is not None
        self._missing_why = missing_why
        self._down_since_us = since_us - round(delivery_s * 1e6)
        # while the gateway was down, for devices that are found only later
        self._first_hole: tuple[int, int] | None = None
        # whether anything can have been missed before the first session
        self._may_miss = self._was_down
        self._confirmations = Confirmations(driver.acknowledge)
        self._backoff = Backoff(clock)
        # a soft end puts a deadline to everything inside it
        self._scope = asyncio.Timeout(None)
        self._is_running = False
        self._state = StationState.CONNECTING
        self._since_us = clock.now_us()
        self._up_since_s: float | None = None
        self._opened_us = self._since_us
        self._is_lost = False
        self._is_finishing = False
        self._has_grown = asyncio.Event()
        self._readings = 0
        self._losses = 0
        self._last_error: str | None = None

    async def run(self) -> None:
        """Keep the session and take samples until `finish`; a loss never ends it."""
        scope = self._scope
        try:
            async with scope:
                self._is_running = True
                await self._begin()
                await self._keep_session()
        except TimeoutError:
            if not scope.expired():
                raise
            if self._state is StationState.UP:
                _log.warning("not everything in flight was taken in time", connection=self.name, limit_s=self._finish_s)
        self._is_running = False
        was_up = self._state is StationState.UP
        self._enter(StationState.STOPPED)
        if not was_up:
            # what goes on is on disk as it is, unless nothing was ever tried
            hole = self._outages.begin(self._hole(GapCause.COMMUNICATION_LOST))
            await self._account_for_stop(lambda: hole, self._finish_s)
        elif self._intake.full_since_us is not None:
            # what waited for room is given up; gaps have some of their own
            await self._account_for_stop(self._missed, _LAST_S)
        elif self._shaper.can_wait:
            await self._account_for_stop(list, _LAST_S, self._shaper.flush())

    async def tend(self) -> None:
        """Do what only time makes due, until cancelled; a task of the gateway's.

        The values of silent tags are called bad, and what has been pending behind a swinging door for too long is kept.
        """
        while True:
            while not (self._watch.can_go_stale or self._shaper.can_wait):
                # a tag of which either can be may still be found
                self._has_grown.clear()
                await self._has_grown.wait()
            await self._clock.sleep(_TEND_S)
            overdue = self._shaper.overdue(self._clock.now_us())
            if len(overdue) and not self._is_finishing:
                self.board.note(empty(), overdue)
                await self._intake.put(overdue)
            if self._state is StationState.UP and not self._is_finishing:
                stale = self._watch.stale(self._clock.now_us())
                if len(stale):
                    _log.warning("tags have gone silent", connection=self.name, tags=len(stale))
                    await self._intake.put(self._shaper.shape(stale))

    async def step(self, step: Step) -> None:
        """The clock was set: move with it what is remembered by it, and cut or move the outages that go on."""
        pending = self._shaper.flush()
        self._shaper.step(step.delta_us)
        self._watch.step(step.delta_us)
        if step.unset_since_us is None:
            told = self._outages.step(step.old_us, step.new_us) if step.delta_us else []
        else:
            told = self._outages.rebase(step.unset_since_us, step.delta_us)
        if self._intake.full_since_us is not None:
            self._intake.full_since_us += step.delta_us
        if len(pending) or told:
            await self._intake.put(pending, lambda: told)

    def finish(self) -> None:
        """End softly: take what the source has on its way, see it on disk, tell the source, close."""
        self._is_finishing = True
        grace_s = 0.0
        if self._state is StationState.UP:
            self._driver.finish()
            grace_s = self._finish_s
        if self._is_running:
            self._scope.reschedule(asyncio.get_running_loop().time() + grace_s)

    def status(self) -> StationStatus:
        """Return how the connection and its devices are now."""
        return StationStatus(
            self.name,
            self._protocol,
            self._state,
            self._since_us,
            self._readings,
            self._losses,
            self._last_error,
            replace(self._shaper.counts),
            self._watch.conditions(),
            self._driver.figures() if isinstance(self._driver, Measured) else None,
        )

    def good(self) -> set[tuple[str, str]]:
        """Return device and name of every point whose last reading was good."""
        return self._watch.names(self._watch.is_good())

    def not_worse(self) -> set[tuple[str, str]]:
        """Return those that are good, or of which the session that is up says nothing because it need not."""
        may_rest = self._state is StationState.UP
        return self._watch.names(self._watch.is_good() | (self._watch.may_rest() & may_rest))

    async def _begin(self) -> None:
        """Tell since when nothing was read, and end what an earlier life left open where nobody can bring it."""
        since_us = self._down_since_us if self._was_down else self._clock.now_us()
        ended = self._outages.end(self._watch.not_kept, since_us)
        begun = self._outages.begin(self._hole(GapCause.GATEWAY_DOWN)) if self._was_down else []
        if ended or begun:
            await self._intake.put(empty(), lambda: [*ended, *begun])

    async def _keep_session(self) -> None:
        while not self._is_finishing:
            try:
                await self._session()
            except DriverError as error:
                await self._lose(error)
            except BufferError:
                # nothing can be taken any more: the gateway must know
                raise
            except Exception as error:  # noqa: BLE001 - a defect of one driver must not stop the other connections
                _log.exception("driver failed unexpectedly", connection=self.name)
                await self._lose(DriverError(f"{self.name}: {type(error).__name__}: {error}; please report this"))

    async def _session(self) -> None:
        try:
            await self._driver.open()
            await self._recover()
            await self._take_all()
            await self._confirmations.settled()
        finally:
            await self._driver.close()

    async def _take_all(self) -> None:
        samples = self._driver.samples()
        try:
            async for sample in samples:
                await self._take(sample)
        finally:
            if isinstance(samples, AsyncGenerator):
                await samples.aclose()
        if not self._is_finishing:
            raise DriverError(f"{self.name}: the driver ended by itself")

    async def _take(self, sample: Sample) -> None:
        self._backoff.reset()
        self._readings += len(sample.readings)
        new = await self._extend(cast("Sequence[Point]", sample.points)) if sample.points else ()
        told = [fit(self._placed(gap, new)) for gap in sample.gaps if self._may_miss or gap.from_us != BEFORE_US]
        told = self._outages.told(told)
        told += self._outages.settle(sample.settled, self._clock.now_us())
        readings = self._numbered(sample.readings)
        self._watch.note(readings)
        # no line is drawn across a gap
        kept = self._shaper.flush() if told else empty()
        if sample.tense is not Tense.AGAIN:
            shaped = self._shaper.shape(readings, computes=sample.tense is not Tense.PAST)
            kept = concatenate([kept, shaped]) if len(kept) else shaped
            if len(self._shaper.derived):
                self._watch.note(self._shaper.derived)
        if sample.tense is not Tense.PAST:
            restated = self._watch.restated(readings, self._opened_us)
            if len(restated):
                kept = concatenate([kept, self._shaper.again(restated)])
        self.board.note(readings, kept)
        if sample.is_whole:
            self._watch.hear(self._clock.now_us())
        is_acknowledged = sample.receipt is not None
        durable = None
        if len(kept) or told:
            # a source that is acknowledged keeps what it cannot deliver while the buffer is full
            missed = list if is_acknowledged else self._missed
            prompt = is_acknowledged or self._shaper.has_prompt(kept)
            durable = await self._intake.put(kept, lambda: [*told, *missed()], prompt=prompt)
        if is_acknowledged:
            self._confirmations.add(sample.receipt, durable)

    def _numbered(self, readings: Readings) -> Readings:
        """Make room for the computed points between those that the driver was built with and those that it found."""
        if not self._computed or not len(readings) or int(readings.tag.max()) < self._driven:
            return readings
        found = readings.tag >= self._driven
        return replace(readings, tag=readings.tag + np.where(found, self._computed, 0).astype(np.uint32))

    def _placed(self, gap: Gap, new: Sequence[str]) -> Gap:
        """Give a gap that began before the driver lived its begin; a device that is new shares its neighbours'."""
        if gap.from_us == BEFORE_US and gap.device in new and self._first_hole is not None:
            return replace(gap, from_us=self._first_hole[0])
        return self._watch.placed(gap)

    async def _extend(self, points: Sequence[Point]) -> Sequence[str]:
        """Take points that the driver found while it ran; a new device shares the hole of its neighbours' start."""
        await self._intake.extend(points)
        self._shaper.extend([point.options for point in points])
        self.board.extend(points)
        new = self._watch.extend(points, self._opened_us)
        self._has_grown.set()
        _log.info("points found", connection=self.name, points=len(points), devices=len(new))
        if new and self._first_hole is not None:
            since_us, until_us = self._first_hole
            cause = GapCause.GATEWAY_DOWN
            await self._intake.put(empty(), lambda: self._watch.gaps(cause, until_us, "", since_us, devices=set(new)))
        return new

    def _missed(self) -> list[Gap]:
        """Return what could not be asked for while the buffer was full."""
        since_us = self._intake.full_since_us
        if since_us is None:
            return []
        now_us = self._clock.now_us()
        return self._watch.gaps(GapCause.BUFFER_FULL, now_us, "not taken from the source", since_us)

    async def _lose(self, error: AppError) -> None:
        if self._is_finishing:
            return
        self._last_error = error.message
        self.journal.note_error(self._clock.now_us(), error.message)
        if not self._is_lost:
            self._is_lost = True
            self._losses += 1
            self._enter(StationState.DOWN)
            event = "connection not reached" if self._up_since_s is None else "connection lost"
            _log.warning(event, connection=self.name, error=error.message)
            lost = self._shaper.shape(self._watch.lose(self._clock.now_us()))
            self.board.note(empty(), lost)
            hole = self._lost_now()
            await self._intake.put(lost, lambda: hole)
        if self._up_since_s is not None and self._clock.monotonic() - self._up_since_s > CAP_S:
            self._backoff.reset()
        self._up_since_s = None
        await self._backoff.wait(error)

    async def _recover(self) -> None:
        was_lost, self._is_lost = self._is_lost, False
        self._enter(StationState.UP)
        self._up_since_s, self._opened_us = self._clock.monotonic(), self._since_us
        _log.info("connection back" if was_lost else "connection up", connection=self.name)
        if was_lost or self._was_down:
            self._may_miss = True
            why = self._last_error if was_lost else None
            ended = self._outages.end(self._watch.not_kept, self._clock.now_us(), why or "")
            if ended:
                await self._intake.put(empty(), lambda: ended)
            self._watch.account(self._clock.now_us())
        if self._was_down:
            self._first_hole = self._down_since_us, self._since_us
        self._was_down = False

    def _lost_now(self) -> list[Gap]:
        """Begin the gap of every device; the time that the gateway was down is over."""
        now_us = self._clock.now_us()
        ended = self._outages.end(self._watch.not_kept, now_us)
        if ended:
            self._watch.account(now_us)
        return [*ended, *self._outages.begin(self._hole(GapCause.COMMUNICATION_LOST))]

    def _hole(self, cause: GapCause) -> list[Gap]:
        why = self._missing_why if cause is GapCause.GATEWAY_DOWN else self._last_error or ""
        # one that has just begun reaches a moment on, so that it begins when it does
        return self._watch.gaps(cause, self._clock.now_us() + 1, why, is_last=True)

    async def _account_for_stop(
        self, hole: Callable[[], list[Gap]], limit_s: float, pending: Readings | None = None
    ) -> None:
        """Tell the hole that is open at the end, or what is pending; a full buffer will not be waited for."""
        try:
            async with asyncio.timeout(limit_s):
                await self._intake.put(pending if pending is not None else empty(), hole)
        except (BufferError, TimeoutError) as error:
            _log.warning("outage not recorded", connection=self.name, error=str(error))

    def _enter(self, state: StationState) -> None:
        self._state = state
        self._since_us = self._clock.now_us()
