"""The promise against chance: a gateway that dies again and again, and a network that loses, repeats and reorders.

Hypothesis chooses the steps and makes a failing run short; a run of one seed can be taken again, step by step. The
parts that break the promise on purpose must be found out by the same machine, or it proves nothing. More runs:
`TEZGAH_MODEL_RUNS=2000 make test ARGS=tests/promise/test_model.py`.
"""

import asyncio
import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from edge.ports import Buffer, Lease, Uplink
from shared import logs
from shared.wire.receipt import Outcome, Receipt
from tests.fakes.cloud import MemoryCloud
from tests.promise.world import World

RUNS = int(os.environ.get("TEZGAH_MODEL_RUNS", "25"))
PATIENT = settings(
    max_examples=RUNS, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
# a broken part is found out within this many runs; nobody needs their shortest form
FOUND = settings(PATIENT, max_examples=60, derandomize=True, phases=(Phase.generate,))
SEEDS = 12
STEPS = 250
PLACE = st.integers(0, 4)
LIFE = st.integers(0, 1)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    logs.configure(level="CRITICAL")


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


TestMachine = Machine.TestCase
TestMachine.settings = PATIENT


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


CONTROLS = {
    "a buffer that acknowledges before it commits": lambda: World(buffer_of=HastyBuffer),
    "a shipper that settles before the receipt": lambda: World(uplink_of=HastyUplink),
    "a cloud that forgets its ledger": lambda: World(ForgetfulCloud()),
}


def walked(world: World, seed: int) -> dict[str, list[int]]:
    world.walk(seed, STEPS)
    return world.end()


@pytest.mark.parametrize("broken", CONTROLS)
def test_a_walk_finds_out(broken: str) -> None:
    """The negative controls."""
    assert any(walked(CONTROLS[broken](), seed) for seed in range(2 * SEEDS))


def test_hypothesis_finds_out_a_cloud_that_forgets_its_ledger() -> None:
    """The negative control of the machine itself."""

    class Control(Machine):
        make = staticmethod(CONTROLS["a cloud that forgets its ledger"])

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Control, settings=FOUND)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_long_walk_keeps_the_promise(seed: int) -> None:
    assert walked(World(), seed) == {}


def test_one_seed_replays_a_run() -> None:
    first, again, other = World(), World(), World()
    for world, seed in ((first, 3), (again, 3), (other, 4)):
        walked(world, seed)
    assert first.trace == again.trace
    assert first.trace != other.trace
