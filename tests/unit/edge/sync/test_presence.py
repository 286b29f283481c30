"""The sign of life: at the start, once a minute, and in its turn while the cloud is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge.errors import Unauthorized, Unreachable
from edge.ports import Sign
from edge.sync.link import Link, LinkState
from edge.sync.presence import Presence
from tests.fakes.clock import HandClock, turns
from tests.fakes.cloud import MemoryCloud, MemoryUplink


@asynccontextmanager
async def present(clock: HandClock, uplink: MemoryUplink) -> AsyncIterator[Link]:
    link = Link(clock)
    task = asyncio.create_task(Presence(uplink, link, lambda: Sign(7), clock).run())
    await turns()
    yield link
    task.cancel()
    await asyncio.wait([task])


async def test_the_cloud_is_greeted_at_the_start_and_then_once_a_minute() -> None:
    clock, uplink = HandClock(), MemoryUplink(MemoryCloud())
    async with present(clock, uplink) as link:
        assert uplink.greetings == [7]
        assert link.state is LinkState.UP
        await clock.advance(59)
        assert len(uplink.greetings) == 1
        await clock.advance(122)
        assert len(uplink.greetings) == 4


async def test_an_outage_ends_for_a_gateway_that_has_nothing_to_send() -> None:
    clock, uplink = HandClock(), MemoryUplink(MemoryCloud())
    uplink.refusal = Unreachable("no route to the cloud")
    async with present(clock, uplink) as link:
        assert link.state is LinkState.DOWN
        await clock.advance(600)
        asked = len(uplink.greetings)
        # with growing pauses, a minute at most
        assert 10 <= asked <= 60
        uplink.refusal = None
        await clock.advance(61)
        assert link.is_up()
        # and once more, if the pause was over within the first second of that minute
        assert len(uplink.greetings) in {asked + 1, asked + 2}


async def test_a_refused_token_is_known_before_there_is_anything_to_send() -> None:
    clock, uplink = HandClock(), MemoryUplink(MemoryCloud())
    uplink.refusal = Unauthorized("the token was revoked")
    async with present(clock, uplink) as link:
        assert link.state is LinkState.UNAUTHORIZED
        assert link.last_error == "the token was revoked"


async def test_a_defect_in_a_greeting_ends_nothing() -> None:
    clock, uplink = HandClock(), MemoryUplink(MemoryCloud())
    uplink.refusal = ZeroDivisionError("a defect")
    async with present(clock, uplink) as link:
        assert link.state is LinkState.DOWN
        assert "ZeroDivisionError: a defect; please report this" in str(link.last_error)
        uplink.refusal = None
        await clock.advance(61)
        assert link.is_up()
