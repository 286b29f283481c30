"""A device that does not answer costs its neighbours on the line its share and no more; counted, on a clock by hand."""

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from edge.drivers.modbus import SPEC
from edge.drivers.modbus.answer import Answer, Status
from edge.drivers.modbus.asked import fields_of, pauses_of, spans_of
from edge.drivers.modbus.plan import Request, plan
from edge.drivers.modbus.poller import Poller, Tally
from edge.drivers.modbus.refusals import Refusals
from edge.drivers.spec import Point

TIMEOUT_S, ANSWER_S = 0.3, 0.02


class ByHand:
    """A clock that only moves when somebody is asked or waits."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now_us(self) -> int:
        return round(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Scripted:
    """A line whose units answer after 20 ms, or so slowly as is said, or whose silence costs the time limit."""

    name = "line-a"

    def __init__(self, clock: ByHand, is_dead: Callable[[int], bool], slow_s: Mapping[int, float]) -> None:
        self._slow_s = slow_s
        self.asked: Counter[int] = Counter()
        self._clock = clock
        self._is_dead = is_dead

    async def ask(self, request: Request, size: int) -> Answer | Status:
        self.asked[request.unit] += 1
        if self._is_dead(request.unit):
            self._clock.seconds += TIMEOUT_S
            return Status.TIMEOUT
        self._clock.seconds += self._slow_s.get(request.unit, ANSWER_S)
        return Answer(request.table, announced=size, data=bytes(size))


def points(units: int) -> list[Point]:
    found = []
    for unit in range(1, units + 1):
        device = SPEC.device.model_validate(
            {"name": f"meter-{unit}", "on": "line-a", "unit": unit, "tags": {"p": {"register": "input 0"}}}
        )
        found += [Point(device.name, name, 1.0, device, tag) for name, tag in device.tags.items()]
    return found


async def run(
    units: int, dead: set[int], seconds: float, slow_s: Mapping[int, float] = MappingProxyType({})
) -> tuple[Scripted, Poller, Tally]:
    clock, of, tally = ByHand(), points(units), Tally()
    session = Scripted(clock, lambda unit: unit in dead, slow_s)
    poller = Poller(
        session,
        plan(spans_of(of)),
        fields_of(of),
        pauses_of(of),
        clock,
        retries=1,
        points=of,
        refusals=Refusals(),
        tally=tally,
    )
    end = clock.seconds + seconds
    while clock.seconds < end:
        poll = poller.due()
        if poll is None:
            await clock.sleep(poller.idle_s())
        else:
            await poller.ask(poll)
    return session, poller, tally


@pytest.mark.parametrize("dead", [{4}, {2, 4}, {1, 2, 3, 4, 5}])
async def test_dead_devices_never_slow_their_neighbours_beyond_their_share(dead: set[int]) -> None:
    """Ten meters take 20 % of the line. With five of them dead, the others keep 95 % of their rate and more."""
    seconds = 600.0
    session, _, tally = await run(10, dead, seconds)
    for unit in set(range(1, 11)) - dead:
        assert session.asked[unit] >= 0.98 * seconds
    spent = sum(session.asked[unit] for unit in dead) * TIMEOUT_S / seconds
    assert spent <= 0.055
    assert all(session.asked[unit] >= 3 for unit in dead), "they are still asked now and then"
    assert tally.events["answer_timeout"] >= 3 * len(dead)


@pytest.mark.parametrize("slow_s", [{1: 0.9}, {1: 1.3}, {1: 2.5}, {1: 2.5, 2: 1.8}, {1: 0.5, 2: 0.5}], ids=str)
async def test_devices_that_answer_slowly_never_slow_their_neighbours(slow_s: dict[int, float]) -> None:
    """Ten meters, asked every second, of which one or two take half a line or more."""
    seconds = 600.0
    session, poller, _ = await run(10, set(), seconds, slow_s)
    for unit in set(range(1, 11)) - slow_s.keys():
        assert session.asked[unit] >= 0.95 * seconds, unit
    assert all(session.asked[unit] >= 5 for unit in slow_s), "they are still asked"
    assert max(pace.actual_s for pace in poller.paces()) > 1.5, "and who looks can see how often"


async def test_one_slow_answer_is_no_slow_device() -> None:
    slow_s = {1: 2.5}
    _, poller, _ = await run(10, set(), 1.0, slow_s)
    slow_s.clear()
    assert poller.idle_s() < 1.0
    assert [poll.request.unit for poll in iter(poller.due, None)].count(1) == 1, "it is asked in its next turn"


async def test_a_device_alone_on_its_line_may_be_as_slow_as_it_likes() -> None:
    session, _, _ = await run(1, set(), 100.0, {1: 1.5})
    assert session.asked[1] >= 66


async def test_the_pace_of_each_device_is_told() -> None:
    _, poller, tally = await run(5, set(), 60.0)
    assert {pace.device: pace.planned_s for pace in poller.paces()} == {f"meter-{n}": 1.0 for n in range(1, 6)}
    assert all(pace.actual_s == pytest.approx(1.0, rel=0.01) for pace in poller.paces())
    assert tally.busy_s == pytest.approx(60 * 5 * ANSWER_S, rel=0.05)
    assert tally.events == {"answer_ok": pytest.approx(300, abs=5)}


async def test_a_line_that_is_asked_too_much_shows_the_pace_it_can_keep() -> None:
    _, poller, _ = await run(100, set(), 60.0)
    assert all(pace.actual_s == pytest.approx(2.0, rel=0.1) for pace in poller.paces())
    assert poller.missed > 1000
