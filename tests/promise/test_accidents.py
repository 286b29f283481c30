"""Accidents of the disk, the cloud and the end, in the model's world: each with a part that makes them a loss.

The gateway's parts are the real ones (see `world`). What was said must be a row once, or lie in a gap; where one part
is careless, the same look at the same accident must find that out.
"""

from collections.abc import Callable

import pytest

from edge.ports import Buffer, Uplink
from shared.reading import GapCause
from tests.fakes.cloud import MemoryCloud
from tests.fakes.disk import refusing
from tests.promise.careless import (
    DroppingBuffer,
    ImpatientUplink,
    LingeringBuffer,
    ObedientUplink,
    RevokedUplink,
)
from tests.promise.promise import breaches, opened
from tests.promise.world import World

Accident = Callable[[World], None]
POISON = 207


def talk(world: World, blocks: int = 3) -> None:
    """Say something, and have it arrive."""
    for number in range(blocks):
        world.append(100, number % 3)
        world.pass_time(0.6)
        while world.network.under_way:
            world.network_does("deliver", 0)


def failing_disk(world: World) -> None:
    talk(world)
    for number in range(3):
        before = world.lives[0].buffer.stats().appended
        with refusing():
            world.append(50, number)
            world.pass_time(0.6)
            stats = world.lives[0].buffer.stats()
            assert stats.failure is not None or stats.appended == before, "who writes must have felt it"
        world.pass_time(2.0)
    talk(world)


def poison(world: World) -> None:
    talk(world, blocks=9)


def end_in_full_flow(world: World) -> None:
    for number in range(4):
        talk(world)
        # nothing of it is on disk when the signal comes
        world.append(30, number % 3)
        world.stop()
    talk(world)


def hours_without_a_right(world: World) -> None:
    for _ in range(4):
        talk(world)
        world.pass_time(120.0)


def revoked(careless: Callable[[Uplink], Uplink]) -> Callable[[], World]:
    """Return what makes a world whose cloud refuses the token of each life three times."""
    return lambda: World(uplink_of=lambda uplink: careless(RevokedUplink(uplink, 3)))


def buffered(careless: Callable[[Buffer], Buffer]) -> Callable[[], World]:
    return lambda: World(buffer_of=careless)


ACCIDENTS: dict[str, tuple[Accident, Callable[[], World], Callable[[], World]]] = {
    "a disk that fails now and then": (failing_disk, World, buffered(DroppingBuffer)),
    "poison": (
        poison,
        lambda: World(MemoryCloud([POISON])),
        lambda: World(MemoryCloud([POISON]), uplink_of=ImpatientUplink),
    ),
    "an end in full flow": (end_in_full_flow, World, buffered(LingeringBuffer)),
    "a token that is revoked": (hours_without_a_right, revoked(lambda uplink: uplink), revoked(ObedientUplink)),
}


def outcome(world: World, accident: Accident) -> dict[str, list[int]]:
    """Let it happen, bring everything home, and return what is no row once and lies in no gap."""
    accident(world)
    assert len(world.promised) > 100
    world.end()
    return breaches(world.said, (), opened(world.cloud.bodies()))


@pytest.mark.parametrize("name", ACCIDENTS)
def test_what_was_said_is_a_row_once_or_lies_in_a_gap(name: str) -> None:
    accident, honest, _ = ACCIDENTS[name]
    assert outcome(honest(), accident) == {}


@pytest.mark.parametrize("name", ACCIDENTS)
def test_a_careless_gateway_is_found_out(name: str) -> None:
    """The negative controls."""
    accident, _, careless = ACCIDENTS[name]
    assert outcome(careless(), accident).keys() == {"lost"}


def test_poison_alone_is_missing_and_told_as_refused() -> None:
    world = World(MemoryCloud([POISON]))
    poison(world)
    assert world.end() == {}
    stored = opened(world.cloud.bodies())
    (told,) = [gap for gap in stored.gaps if gap.cause is GapCause.REFUSED]
    said = world.said[POISON]
    assert POISON not in world.network.arrived()
    assert (told.device, told.tag, told.from_us) == said
