"""Owns what is done after a time without a subscription: repeats are recognised, what was missed is had or told."""

from collections.abc import AsyncIterator, Sequence

import numpy as np

from edge.clock import Clock
from edge.drivers.opcua import history, services
from edge.drivers.opcua.config import Backfill, OpcUaConnection
from edge.drivers.opcua.last import Last
from edge.drivers.opcua.link import Link
from edge.drivers.opcua.missed import Missed, Outage, Stretch, known, remaining
from edge.drivers.opcua.servertimes import holds_times
from edge.drivers.opcua.session import Session
from edge.drivers.spec import Point
from edge.ports import Sample, Settled, Tense
from shared import logs
from shared.reading import ClosedBy, Gap, GapCause, Readings, empty

_log = logs.get(__name__)


class Recovery:
    """What was heard of each point, through all sessions of a driver.

    Attributes:
        last: The last reading of each point.
        is_interrupted: What was missed was being had when the session was lost. The server has told the values of now
            to nobody then, so a subscription that it kept would be of no use.
    """

    def __init__(
        self, options: OpcUaConnection, points: Sequence[Point], clock: Clock, down_since_us: int | None
    ) -> None:
        """Begin with nothing heard.

        Args:
            options: The connection's.
            points: May grow; `extend` tells.
            clock: Time.
            down_since_us: Since when the gateway was down before; None if it never ran.
        """
        self._options = options
        self._points = points
        self._clock = clock
        self._delivery_us = round(options.delivery_s * 1e6)
        self._down_since_us = down_since_us
        self._heard_us = 0
        self._missed = Missed()
        self._rest = empty()
        # points of which history brought something before the readings at hand
        self._filled_points: set[int] = set()
        self._gaps: list[Gap] = []
        self._settled: list[Settled] = []
        self.last = Last(len(points))
        self.is_interrupted = False

    def lost(self, heard_us: int) -> None:
        """The subscription is lost; the server last said something then."""
        self._heard_us = heard_us

    async def begins_anew(self, session: Session) -> None:
        """A new subscription begins: note of which points values may be missing until now.

        Raises:
            DriverError: The session was lost.
        """
        self.is_interrupted = False
        now_us = self._clock.now_us()
        since_us, is_known = known(self.last, len(self._points))
        if is_known.any():
            detail = "the server kept nothing of it"
            outage = Outage(GapCause.COMMUNICATION_LOST, self._heard_us - self._delivery_us, now_us, detail)
        elif self._down_since_us is not None:
            # nothing is known of what the sources said last; their clock is the server's, which may differ from ours
            server_us = await services.clock_us(session)
            skew_us = server_us - now_us if server_us is not None else 0
            begin_us = self._down_since_us - self._delivery_us
            since_us = np.full(len(self._points), begin_us + skew_us, np.int64)
            is_known = np.ones(len(self._points), np.bool_)
            outage = Outage(GapCause.GATEWAY_DOWN, begin_us, now_us, "")
        else:
            self._missed.starts(self._points)
            return
        # what holds server times misses what its value misses, and comes with it
        is_known &= np.array([not holds_times(point) for point in self._points], np.bool_)
        self._missed.begin(outage, since_us, is_known)
        self._missed.starts(self._points)

    async def before(self, link: Link, readings: Readings) -> AsyncIterator[Sample]:
        """Yield what was missed before these readings, and what of them is no news; `rest` has the others."""
        stretches, firsts = self._missed.found(readings)
        self._rest, self._gaps, self._filled_points = readings, [], set()
        if stretches:
            # of which nothing is known but what stands in these readings
            unheard = set(readings.tag[firsts].tolist())
            self.is_interrupted = True
            try:
                async for past in self._filled(link, stretches, unheard):
                    yield past
                self.is_interrupted = False
            finally:
                if self.is_interrupted:
                    self._missed.again(unheard)
        self._down_since_us = None
        self._settled += self._missed.settled(self._filled_points, self._points)
        again = firsts[self.last.repeated(readings.take(firsts))]
        if len(again):
            yield Sample(readings.take(again), tense=Tense.AGAIN)
            self._rest = readings.take(np.setdiff1d(np.arange(len(readings)), again))

    @property
    def rest(self) -> tuple[Readings, list[Gap]]:
        """The readings given to `before` that are news, and the gaps before them."""
        return self._rest, self._gaps

    def quiet(self) -> None:
        """The server has said all that it has for now."""
        self._settled += self._missed.part(self._points)

    def kept_by_server(self) -> list[Settled]:
        """The server had kept the subscription, and all that it kept has come."""
        devices = dict.fromkeys(point.device for point in self._points)
        return [Settled(device, ClosedBy.REDELIVERED) for device in devices if self._missed.is_settled(device)]

    def take_settled(self) -> list[Settled]:
        """Return of what it became known what was missed, since this was asked last."""
        settled, self._settled = self._settled, []
        return settled

    async def _filled(self, link: Link, stretches: Sequence[Stretch], unheard: set[int]) -> AsyncIterator[Sample]:
        """Yield what history brings of stretches, points with any leave `unheard`; note the gaps that remain."""
        nodes = {stretch.point: link.watching.items.node_ids[stretch.point] for stretch in stretches}
        has_history: set[int] = set()
        if self._options.backfill is Backfill.HISTORY:
            has_history = await history.historizing(link.session, link.bounds, nodes)
        open_ends = [stretch for stretch in stretches if stretch.point not in has_history]
        asked = {stretch.point: stretch for stretch in stretches if stretch.point in has_history}
        filled: set[int] = set()
        rows = 0
        reading = history.read(
            link.session, link.bounds, list(asked.values()), nodes, self._clock.now_us(), link.watching.picks
        )
        async for past in reading:
            open_ends += [asked[point] for point in past.refused]
            for point, times in past.times.items():
                rest = remaining(asked[point], times, self._points[point].every_s)
                filled |= {point} if times else set()
                if rest is not None and point not in past.refused:
                    open_ends.append(rest)
            rows += len(past.readings)
            if len(past.readings):
                readings = link.watching.worded(past.readings)
                self.last.note(readings)
                unheard.difference_update(readings.tag.tolist())
                yield Sample(readings, tense=Tense.PAST)
        if asked:
            _log.info("filled from history", connection=link.session.name, tags=len(filled), readings=rows)
        self._filled_points = filled
        self._gaps = self._missed.gaps(open_ends, filled, self._points)
