"""Twenty kills of the soak that `make torture` runs a thousand of, and a cloud that it finds out."""

import pytest

from tests.system.liar import LyingCloud
from tests.system.torture import Windows, soak
from tests.system.walk import Walk

KILLS = 20


@pytest.mark.timeout(300)
def test_twenty_random_kills_break_no_promise(walk: Walk) -> None:
    told: list[str] = []
    outcome = soak(walk, KILLS, 11, told.append)
    assert outcome.breaches() == [], "\n".join(told)
    assert outcome.kills.total() == sum(": killed the " in line for line in told) == KILLS
    assert all(verdict.stored > 50 for verdict in outcome.verdicts.values())


@pytest.mark.timeout(300)
def test_a_cloud_that_answers_and_does_not_store_is_found_out(walk: Walk) -> None:
    """The negative control."""
    with LyingCloud(f"http://127.0.0.1:{walk.stack.ports.api}", lies=3) as liar:
        outcome = soak(walk, 3, 11, lambda _: None, cloud_port=int(liar.address.rpartition(":")[2]))
        assert liar.told == 3
    assert any("lost" in breach for breach in outcome.breaches())


def test_a_moment_lies_in_a_gap_of_its_device_or_of_all() -> None:
    windows = Windows([("press", 10, 20), ("press", 15, 30), (None, 50, 60)])
    assert [windows.hold("press", at, at) for at in (9, 10, 29, 30)] == [False, True, True, False]
    assert windows.hold("press", 5, 10)
    assert not windows.hold("oven", 15, 16)
    assert windows.hold("oven", 59, 59)
