"""The link: one probe at a time while the cloud is away, all at once when it is back, each change said once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from edge.errors import Outdated, Unauthorized, Unreachable, UplinkError
from edge.sync.link import Link, LinkState
from tests.fakes.clock import HandClock, turns

AWAY, STRANGER = Unreachable("no route"), Unauthorized("unknown token")
OLDER = Outdated("the cloud speaks version 2")


class Sender:
    """Takes turns, and ends each as the test says."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.turns: list[bool] = []
        self.answers: asyncio.Queue[Unreachable | Unauthorized | None] = asyncio.Queue()

    async def run(self) -> None:
        while True:
            async with self.link.turn() as is_probe:
                self.turns.append(is_probe)
                error = await self.answers.get()
                if error is None:
                    self.link.answered()
                else:
                    self.link.failed(error, is_probe=is_probe)


@contextlib.asynccontextmanager
async def senders(link: Link, count: int) -> AsyncIterator[list[Sender]]:
    made = [Sender(link) for _ in range(count)]
    tasks = [asyncio.create_task(sender.run()) for sender in made]
    await turns()
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def busy(made: list[Sender]) -> list[Sender]:
    """Return who has a turn that was not answered yet: whoever waits for an answer has taken one more turn."""
    return [sender for sender in made if sender.answers._getters]


async def test_until_the_first_answer_only_one_tries() -> None:
    async with senders(Link(HandClock()), 3) as made:
        (first,) = busy(made)
        assert first.turns == [True]
        first.answers.put_nowait(None)
        await turns()
        assert len(busy(made)) == 3, "once it answers, all may send"


async def test_while_it_is_away_one_probes_at_a_time_after_a_pause() -> None:
    clock = HandClock()
    link = Link(clock)
    async with senders(link, 3) as made:
        busy(made)[0].answers.put_nowait(None)
        await turns()
        for sender in made:
            sender.answers.put_nowait(AWAY)
        await turns()
        assert link.state is LinkState.DOWN
        assert busy(made) == [], "nobody tries before the pause is over"
        for failures in range(1, 12):
            await clock.advance(min(2.0 ** (failures - 1), 60.0))
            (prober,) = busy(made)
            prober.answers.put_nowait(AWAY)
            await turns()
        await clock.advance(60.0)
        (prober,) = busy(made)
        prober.answers.put_nowait(None)
        await turns()
        assert link.state is LinkState.UP
        assert len(busy(made)) == 3


async def test_failures_of_one_moment_count_as_one() -> None:
    clock = HandClock()
    link = Link(clock)
    link.answered()
    for _ in range(3):
        link.failed(AWAY, is_probe=False)
    assert link._backoff.failures == 1
    link.failed(AWAY, is_probe=True)
    assert link._backoff.failures == 2


async def test_an_answer_under_way_since_before_brings_it_back() -> None:
    link = Link(HandClock())
    link.answered()
    link.failed(AWAY, is_probe=False)
    link.answered()
    assert link.state is LinkState.UP
    assert link._backoff.failures == 0


async def test_a_refused_token_is_probed_slowly() -> None:
    clock = HandClock()
    link = Link(clock)
    async with senders(link, 3) as made:
        busy(made)[0].answers.put_nowait(STRANGER)
        await turns()
        assert link.state is LinkState.UNAUTHORIZED
        await clock.advance(59.9)
        assert busy(made) == []
        await clock.advance(15.2)
        assert len(busy(made)) == 1


async def test_each_change_is_said_once() -> None:
    link = Link(HandClock())
    with capture_logs() as logs:
        link.answered()
        link.answered()
        for _ in range(3):
            link.failed(AWAY, is_probe=True)
        for _ in range(3):
            link.failed(STRANGER, is_probe=True)
        link.answered()
        link.answered()
    assert [entry["log_level"] for entry in logs] == ["info", "warning", "error", "info"]
    assert link.last_error == "unknown token"


async def test_since_when_is_known() -> None:
    clock = HandClock()
    link = Link(clock)
    await clock.advance(5.0)
    link.answered()
    at_us = clock.now_us()
    await clock.advance(5.0)
    link.answered()
    assert link.since_us == at_us


async def test_a_cloud_of_another_version_is_probed_slowly() -> None:
    clock = HandClock()
    link = Link(clock)
    async with senders(link, 3) as made:
        busy(made)[0].answers.put_nowait(OLDER)
        await turns()
        assert link.state is LinkState.OUTDATED
        await clock.advance(59.9)
        assert busy(made) == []
        await clock.advance(15.2)
        assert len(busy(made)) == 1


@pytest.mark.parametrize("error", [STRANGER, OLDER])
async def test_a_greeting_that_is_taken_is_no_sign_that_batches_are(error: UplinkError) -> None:
    link = Link(HandClock())
    link.answered()
    link.failed(error, is_probe=False)
    state = link.state
    async with link.turn(is_greeting=True) as is_probe:
        assert is_probe, "greetings go on without a pause"
        link.answered(is_greeting=True)
    assert link.state is state
    link.answered()
    assert link.state is LinkState.UP


async def test_a_greeting_that_is_taken_after_a_refused_one_brings_the_link_back() -> None:
    link = Link(HandClock())
    link.failed(STRANGER, is_probe=True, is_greeting=True)
    link.answered(is_greeting=True)
    assert link.state is LinkState.UP


async def test_greetings_that_fail_while_batches_are_refused_wait_like_everybody() -> None:
    clock = HandClock()
    link = Link(clock)
    link.failed(OLDER, is_probe=True)
    link.failed(AWAY, is_probe=True, is_greeting=True)
    assert link.state is LinkState.DOWN

    async def greet() -> None:
        async with link.turn(is_greeting=True):
            pass

    task = asyncio.create_task(greet())
    await turns()
    assert not task.done()
    await clock.advance(2.0)
    assert task.done()
