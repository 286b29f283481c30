"""One session's polling: asks a request, and draws from its answer the readings and what follows for the next ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from edge.clock import Clock
from edge.drivers.modbus.answer import DIVISIBLE, UNANSWERED, Answer, Status, explain, status_of
from edge.drivers.modbus.asked import devices_of, name_of
from edge.drivers.modbus.decode import Block, Field
from edge.drivers.modbus.fairness import SLOW_S, interval_s
from edge.drivers.modbus.line import Concern, Line
from edge.drivers.modbus.plan import Request
from edge.drivers.modbus.refusals import Refusals
from edge.drivers.modbus.schedule import Poll, Schedule
from edge.drivers.spec import Point
from edge.ports import Pace
from shared import logs
from shared.reading import Readings, concatenate

_log = logs.get(__name__)
# how much of a poll's pace is its latest interval: figures settle within some ten turns
_LATEST = 0.2
# what an answer is counted as
_EVENTS: dict[int, str] = {status: f"answer_{status.name.lower()}" for status in Status}


class Session(Protocol):
    """Who is asked: a session that is open."""

    name: str

    async def ask(self, request: Request, size: int) -> Answer | Status:
        """Return the answer, or why none came in time; raises DriverError if the connection is gone."""
        ...


class Tally:
    """What was counted on a connection, session after session.

    Attributes:
        events: By the driver's word for them.
        busy_s: How long the line was taken.
    """

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.busy_s = 0.0


class Poller:
    """Polls the units of a line for as long as one session lives.

    Attributes:
        is_last: Set when the driver finishes: an unanswered request is not repeated any more.
        is_heard: Whether any unit has answered anything.
    """

    def __init__(
        self,
        session: Session,
        requests: Sequence[Request],
        fields: Sequence[Field],
        pauses: Mapping[int, float],
        clock: Clock,
        *,
        retries: int,
        points: Sequence[Point],
        refusals: Refusals,
        tally: Tally,
    ) -> None:
        """Begin with every request due.

        Args:
            session: Open.
            requests: What to read.
            fields: How each point is read, by its place in `points`.
            pauses: Seconds of rest that each unit needs after an answer.
            clock: Its monotonic time runs the schedule.
            retries: How often an unanswered request to a unit in good standing is repeated.
            points: The driver's, for their names.
            refusals: What is known to be refused.
            tally: Where answers are counted.
        """
        self.is_last = False
        self.is_heard = False
        self._session = session
        self._log = _log.bind(connection=session.name)
        self._fields = fields
        self._pauses = pauses
        self._clock = clock
        self._retries = retries
        self._points = points
        self._schedule = Schedule(refusals.begin(requests), clock.monotonic())
        self._line = Line(pauses)
        self._refusals = refusals
        self._tally = tally
        self._blocks = {poll: self._block(poll.request) for poll in self._schedule.polls}
        # the troubles that were logged since it was well, so that each is told once
        self._told: dict[Poll, set[int]] = {}
        # when each poll was asked last, and the intervals it gets
        self._asked: dict[Poll, float] = {}
        self._intervals: dict[Poll, float] = {}
        # how long each took to be answered the last time; and which units were called slow
        self._took: dict[Poll, float] = {}
        self._slow: set[int] = set()

    @property
    def missed(self) -> int:
        """Turns that passed unasked."""
        return self._schedule.missed

    @property
    def is_dead(self) -> bool:
        """Whether nobody on the line answers."""
        return self._line.is_dead

    def due(self) -> Poll | None:
        """Return the next poll to ask, if one is due."""
        return self._schedule.take(self._clock.monotonic())

    def idle_s(self) -> float:
        """Return how long nothing is due, in seconds; infinity if nothing ever is."""
        return max(0.0, self._schedule.next_s() - self._clock.monotonic())

    def paces(self) -> list[Pace]:
        """Return how each device is served: the poll of each that is furthest behind."""
        worst: dict[str, Pace] = {}
        for poll, actual_s in self._intervals.items():
            for device in devices_of([poll.request], self._points):
                asked = [self._points[span.point] for span in poll.request.spans]
                planned_s = min(point.every_s for point in asked if point.device == device)
                pace = worst.get(device)
                if pace is None or actual_s / planned_s > pace.actual_s / pace.planned_s:
                    worst[device] = Pace(device, planned_s, actual_s)
        return list(worst.values())

    async def ask(self, poll: Poll) -> Readings | None:
        """Ask a poll that is due; None if its points are asked in another way next.

        Raises:
            DriverError: The connection is gone.
        """
        request, block, began = poll.request, self._blocks[poll], self._clock.monotonic()
        self._pace(poll, began)
        answer = await self._exchange(poll, block.size)
        ended, received_us = self._clock.monotonic(), self._clock.now_us()
        if pause_s := self._pauses[request.unit]:
            self._schedule.rest(request.unit, ended + pause_s)
        status = status_of(answer, request.table, block.size)
        self._tally.busy_s += ended - began
        self._tally.events[_EVENTS.get(status) or f"answer_exception_{status}"] += 1
        if isinstance(answer, Status) and self.is_last:
            return None
        if status in UNANSWERED:
            return self._unanswered(poll, answer, status, received_us, ended, ended - began)
        self.is_heard = True
        # one slow answer is no slow device
        took_s, before_s = ended - began, self._took.get(poll, 0.0)
        self._took[poll] = took_s
        if min(took_s, before_s) > SLOW_S:
            self._spare_the_others(poll, began, min(took_s, before_s))
        if self._line.answered(poll):
            self._log.info("modbus unit answers again", unit=request.unit, devices=self._devices(request.unit))
        if isinstance(answer, Answer) and status == Status.OK:
            self._told.pop(poll, None)
            self._mend(poll)
            return block.good(answer.data, received_us)
        if status in DIVISIBLE and self._divide(poll):
            return None
        self._tell(poll, status, answer)
        return block.bad(status, received_us)

    def _spare_the_others(self, poll: Poll, began: float, took_s: float) -> None:
        request = poll.request
        every_s = interval_s(poll, took_s, self._took, self._schedule.polls)
        if every_s <= request.every_s:
            self._slow.discard(request.unit)
            return
        self._schedule.put_off([poll], began + every_s)
        if request.unit not in self._slow:
            self._slow.add(request.unit)
            self._log.warning(
                "modbus unit answers so slowly that others would be late; asked less often",
                unit=request.unit,
                devices=self._devices(request.unit),
                answer_s=round(took_s, 3),
                every_s=request.every_s,
                next_s=round(every_s, 1),
            )

    async def _exchange(self, poll: Poll, size: int) -> Answer | Status:
        answer = await self._session.ask(poll.request, size)
        repeats = self._retries if self._line.is_trusted(poll) else 0
        while isinstance(answer, Status) and repeats and not self.is_last:
            answer = await self._session.ask(poll.request, size)
            repeats -= 1
        return answer

    def _pace(self, poll: Poll, now: float) -> None:
        last = self._asked.get(poll)
        self._asked[poll] = now
        if last is not None:
            interval = now - last
            usual = self._intervals.get(poll, interval)
            self._intervals[poll] = usual + _LATEST * (interval - usual)

    def _unanswered(
        self, poll: Poll, answer: Answer | Status, status: int, received_us: int, now: float, cost_s: float
    ) -> Readings:
        """Say that points could not be read, and let those rest who do not answer."""
        unit = poll.request.unit
        bad = self._blocks[poll].bad(status, received_us)
        was_silent = self._line.is_silent(unit)
        silence = self._line.unanswered(poll, now, cost_s)
        if silence.until is None:
            return bad
        if silence.concern is Concern.POLL:
            self._tell(poll, status, answer)
            self._schedule.put_off(self._divide(poll, is_lasting=False) or [poll], silence.until)
            return bad
        if not was_silent:
            self._log.warning(
                "modbus unit does not answer; asked again now and then",
                unit=unit,
                devices=self._devices(unit),
                status=status,
                next_s=round(silence.until - now, 1),
            )
        polls = [other for other in self._schedule.polls if other.request.unit == unit]
        self._schedule.put_off(polls, silence.until)
        return concatenate([self._blocks[other].bad(status, received_us) for other in polls])

    def _divide(self, poll: Poll, *, is_lasting: bool = True) -> list[Poll]:
        """Replace a block that cannot be read by its parts, if it has any."""
        requests = self._refusals.divide(poll.request, is_lasting=is_lasting)
        if requests is None:
            return []
        parts = self._schedule.split(poll, requests)
        self._line.replace(poll, parts)
        self._exchange_blocks([poll], parts)
        return parts

    def _mend(self, poll: Poll) -> None:
        """Join a part that proved readable with a neighbour that did."""
        mended = self._refusals.mend(poll.request)
        if mended is None:
            return
        other_request, whole = mended
        other = next(other for other in self._schedule.polls if other.request == other_request)
        self._exchange_blocks([poll, other], [self._schedule.join([poll, other], whole)])

    def _exchange_blocks(self, old: Sequence[Poll], new: Sequence[Poll]) -> None:
        for poll in old:
            del self._blocks[poll]
            for known in (self._told, self._asked, self._intervals, self._took):
                known.pop(poll, None)
        for poll in new:
            self._blocks[poll] = self._block(poll.request)

    def _block(self, request: Request) -> Block:
        return Block(request, [self._fields[span.point] for span in request.spans])

    def _devices(self, unit: int) -> list[str]:
        requests = [poll.request for poll in self._schedule.polls if poll.request.unit == unit]
        return devices_of(requests, self._points)

    def _tell(self, poll: Poll, status: int, answer: Answer | Status) -> None:
        """Log why a block cannot be read, once until that changes."""
        told = self._told.setdefault(poll, set())
        if status not in told:
            told.add(status)
            request, name = poll.request, name_of(poll.request, self._points)
            self._log.warning(explain(name, status, answer, request.table, self._blocks[poll].size))
