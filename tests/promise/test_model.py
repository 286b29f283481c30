"""The promise against chance: gateways that die, or are cloned, and a network that loses, repeats and reorders.

Hypothesis chooses the steps and makes a failing run short; a run of one seed can be taken again, step by step. The
parts that break the promise on purpose must be found out by the same machine, or it proves nothing. More runs:
`TEZGAH_MODEL_RUNS=2000 make test ARGS=tests/promise/test_model.py`.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from edge.errors import BatchRefused
from edge.ports import Buffer, Lease, Uplink
from shared import logs
from shared.wire import batch as wire
from shared.wire.receipt import Outcome, Receipt
from tests.fakes.cloud import MemoryCloud
from tests.promise.careless import ImpatientUplink
from tests.promise.world import OFFICE, World

# so many of chance's; without it the same ones on every run
ASKED = os.environ.get("TEZGAH_MODEL_RUNS")
RUNS = int(ASKED or "20")
PATIENT = settings(
    max_examples=RUNS,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=ASKED is None,
)
# a broken part is found out within this many runs; nobody needs their shortest form
FOUND = settings(PATIENT, max_examples=60, derandomize=True, phases=(Phase.generate,))
# of which one of two clouds knows nothing
POISON = (5, 150)
SEEDS = 8
STEPS = 250
PLACE = st.integers(0, 4)
LIFE = st.integers(0, 1)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    root, configuration = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    logs.configure(level="CRITICAL")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)


class Machine(RuleBasedStateMachine):
    """Lets hypothesis choose what happens in a world."""

    make: Callable[[], World] = World

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make()

    @rule(count=st.sampled_from([1, 3, 200]), tag=st.integers(0, 2), prompt=st.booleans(), life=LIFE)
    def append(self, count: int, tag: int, prompt: bool, life: int) -> None:
        self.world.append(count, tag, prompt=prompt, life=life)

    @rule(seconds=st.sampled_from([0.002, 0.05, 0.6, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(life=LIFE)
    def flush(self, life: int) -> None:
        self.world.flush(life)

    @rule(place=PLACE, what=st.sampled_from(["deliver", "lose_answer", "lose_request", "repeat"]))
    def network(self, what: str, place: int) -> None:
        self.world.network_does(what, place)

    @rule(place=PLACE)
    def deliver(self, place: int) -> None:
        self.world.network_does("deliver", place)

    @rule(life=LIFE)
    def crash(self, life: int) -> None:
        self.world.crash(life)

    @rule(life=LIFE)
    def stop(self, life: int) -> None:
        self.world.stop(life)

    def teardown(self) -> None:
        assert self.world.end() == {}


class ForkingMachine(Machine):
    """The same, with gateways that are cloned and disks that are rolled back."""

    @rule()
    def take_snapshot(self) -> None:
        self.world.take_snapshot()

    @rule()
    def restore_snapshot(self) -> None:
        self.world.restore()

    @rule()
    def clone(self) -> None:
        self.world.clone()


class SiteMachine(Machine):
    """The same, with a second cloud, which may be away for long and never takes one of the first readings."""

    make = staticmethod(lambda: World(office=MemoryCloud(POISON)))

    @rule(place=PLACE, what=st.sampled_from(["deliver", "deliver", "lose_answer", "lose_request", "repeat"]))
    def office(self, what: str, place: int) -> None:
        self.world.network_does(what, place, OFFICE)

    @rule(there=st.booleans())
    def office_goes_or_comes(self, there: bool) -> None:
        self.world.office_is(there=there)


TestMachine = Machine.TestCase
TestMachine.settings = PATIENT
TestForkingMachine = ForkingMachine.TestCase
TestForkingMachine.settings = PATIENT
TestSiteMachine = SiteMachine.TestCase
TestSiteMachine.settings = settings(PATIENT, max_examples=max(1, RUNS // 2))


class HastyBuffer:
    """Acknowledges what is not on disk yet."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self.lease, self.settle, self.give_back = buffer.lease, buffer.settle, buffer.give_back

    async def append(self, *columns: object, **how: object) -> "asyncio.Future[None]":
        await self._buffer.append(*columns, **how)  # type: ignore[arg-type]
        promise = asyncio.get_running_loop().create_future()
        promise.set_result(None)
        return promise


class HastyUplink:
    """Has a batch settled when it is sent, and not when its receipt is back."""

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink
        self._sending: set[asyncio.Future[object]] = set()

    async def send(self, lease: Lease) -> Receipt:
        sending = asyncio.ensure_future(self._uplink.send(lease))
        self._sending.add(sending)
        sending.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.sleep(0)
        return Receipt(str(lease.id.epoch), lease.id.seq, Outcome.STORED, lease.rows)


class ForgetfulCloud(MemoryCloud):
    """Keeps no ledger of batches: it stores whatever is sent."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: list[bytes] = []

    def take(self, body: bytes) -> Receipt:
        self._taken.append(body)
        return super().take(body)

    def bodies(self) -> list[bytes]:
        return self._taken


class CarelessCloud(MemoryCloud):
    """Looks at the identity of a batch and not at its content: a cloned gateway's batch is one it had."""

    def take(self, body: bytes) -> Receipt:
        try:
            return super().take(body)
        except BatchRefused:
            head = wire.header(body)
            return Receipt(str(head.id.epoch), head.id.seq, Outcome.DUPLICATE, head.rows)


CONTROLS = {
    "a buffer that acknowledges before it commits": lambda: World(buffer_of=HastyBuffer),
    "a shipper that settles before the receipt": lambda: World(uplink_of=HastyUplink),
    "a cloud that forgets its ledger": lambda: World(ForgetfulCloud()),
    "a cloud that takes another content for the same": lambda: World(CarelessCloud()),
    "a file that forgets the second cloud's cursor": lambda: World(office=MemoryCloud(), forgets=True),
    "a shipper that settles for the second cloud before its receipt": lambda: World(
        uplink_of=HastyUplink, office=MemoryCloud()
    ),
    "a second cloud that forgets its ledger": lambda: World(office=ForgetfulCloud()),
    "a gateway that drops what the second cloud refuses": lambda: World(
        uplink_of=ImpatientUplink, office=MemoryCloud(POISON)
    ),
}


def walked(world: World, seed: int, *, forks: bool) -> dict[str, list[int]]:
    world.walk(seed, STEPS, forks=forks)
    return world.end()


@pytest.mark.parametrize("broken", CONTROLS)
def test_a_walk_finds_out(broken: str) -> None:
    """The negative controls."""
    forks = "another content" in broken
    assert any(walked(CONTROLS[broken](), seed, forks=forks) for seed in range(SEEDS))


def test_hypothesis_finds_out_a_cloud_that_forgets_its_ledger() -> None:
    """The negative control of the machine itself."""

    class Control(Machine):
        make = staticmethod(CONTROLS["a cloud that forgets its ledger"])

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Control, settings=FOUND)


@pytest.mark.parametrize("forks", [False, True])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_long_walk_keeps_the_promise(seed: int, forks: bool) -> None:
    assert walked(World(), seed, forks=forks) == {}


@pytest.mark.parametrize("forks", [False, True])
@pytest.mark.parametrize("seed", range(SEEDS // 2))
def test_a_long_walk_with_two_clouds_keeps_the_promise_to_each(seed: int, forks: bool) -> None:
    world = World(office=MemoryCloud(() if forks else POISON))
    assert walked(world, seed, forks=forks) == {}
    assert not forks or world.networks[OFFICE].forked
    assert world.network.arrived() >= (set() if forks else set(POISON) & world.promised)


def test_one_seed_replays_a_run() -> None:
    first, again, other = (World(office=MemoryCloud(POISON)) for _ in range(3))
    for world, seed in ((first, 3), (again, 3), (other, 4)):
        walked(world, seed, forks=True)
    assert first.trace == again.trace
    assert first.trace != other.trace
