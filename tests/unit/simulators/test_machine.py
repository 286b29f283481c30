import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from shared.reading import MachineState
from simulators.machine import STATES, Kind, Machine, Protocol, Role
from simulators.plant import PRESS

START_US = 1_790_000_000_000_000
STEPS = st.lists(st.integers(min_value=0, max_value=5_000_000), min_size=1, max_size=200)


def press(seed: int = 7) -> Machine:
    return Machine("PRESS-01", Protocol.OPCUA, PRESS, seed=seed, ideal_cycle_s=4.0)


def walk(machine: Machine, steps: list[int]) -> list[list[float]]:
    now, seen = START_US, []
    for step in steps:
        now += step
        machine.advance(now)
        seen.append(machine.values())
    return seen


@given(STEPS, st.integers())
def test_the_same_seed_and_instants_give_the_same_values(steps: list[int], seed: int) -> None:
    assert walk(press(seed), steps) == walk(press(seed), steps)


@given(STEPS)
def test_counters_never_run_backwards(steps: list[int]) -> None:
    counters = [index for index, signal in enumerate(PRESS) if signal.role in {Role.GOOD, Role.REJECT, Role.ENERGY}]
    seen = walk(press(), steps)
    for before, after in itertools.pairwise(seen):
        assert all(after[index] >= before[index] for index in counters)


@given(STEPS)
def test_every_value_is_exact_in_what_carries_it(steps: list[int]) -> None:
    for values in walk(press(), steps):
        for signal, value in zip(PRESS, values, strict=True):
            if signal.kind is Kind.FLOAT:
                assert struct.unpack("<f", struct.pack("<f", value))[0] == value
            else:
                assert value == int(value) >= 0


def test_an_instant_already_passed_changes_nothing() -> None:
    machine = press()
    machine.advance(START_US + 60_000_000)
    before = machine.values()
    machine.advance(START_US + 1_000_000)
    assert machine.values() == before


def test_a_machine_visits_every_state_within_an_hour() -> None:
    machine = press()
    seen = set()
    for second in range(3600):
        machine.advance(START_US + second * 1_000_000)
        seen.add(machine.state)
    assert seen == set(STATES.values())
    assert MachineState.PRODUCING in seen
