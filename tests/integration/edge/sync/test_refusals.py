"""What the cloud refuses, over real HTTP: the buffer keeps all of it, asks slowly, says so, and goes on by itself."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.buffer.sqlite import SqliteBuffer
from edge.ports import Sign
from edge.sync.https import HttpsUplink
from edge.sync.link import LinkState
from edge.sync.presence import Presence
from edge.sync.shipper import Shipper
from shared.wire import batch as wire
from tests.fakes.clock import HandClock
from tests.fakes.http_cloud import HttpCloud, Request, answer, problem
from tests.fakes.readings import TAGS, numbered

ROWS = 20


class Gateway:
    """A real buffer, a shipper and a presence, before a cloud on a real socket."""

    def __init__(self, directory: Path, server: HttpCloud, clock: HandClock) -> None:
        self.path = directory / "buffer.db"
        self.clock = clock
        self.server = server
        self.buffer: SqliteBuffer
        self.shipper: Shipper

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Gateway"]:
        self.buffer = await SqliteBuffer.open(self.path, max_bytes=20_000_000, gateway="hall-2", clock=self.clock)
        self.buffer.register(TAGS)
        async with HttpsUplink(self.server.url, "token") as uplink, asyncio.TaskGroup() as tasks:
            self.shipper = Shipper(self.buffer, uplink, self.clock)
            presence = Presence(uplink, self.shipper.link, lambda: Sign(self.buffer.stats().rows), self.clock)
            running = [tasks.create_task(part.run()) for part in (self.shipper, presence)]
            tasks.create_task(self.buffer.run())
            yield self
            for task in running:
                task.cancel()
            await self.buffer.close()

    async def take(self, first: int, count: int = ROWS) -> None:
        promise = await self.buffer.append(numbered(first, count, self.clock.now_us()))
        await self.clock.until(promise.done)

    async def let_pass(self, seconds: float) -> None:
        """Let time pass while sockets do their part."""
        end = self.clock.monotonic() + seconds
        await self.clock.until(lambda: self.clock.monotonic() > end, 2.0)

    async def until_sent(self, *, step_s: float = 0.05) -> None:
        await self.clock.until(lambda: self.buffer.stats().rows == 0, step_s)


@pytest.fixture
async def server() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, server: HttpCloud) -> Gateway:
    return Gateway(tmp_path, server, HandClock())


def batches_refused(server: HttpCloud, data: bytes, *, greetings_too: bool = False) -> None:
    """Refuse every batch so; greetings are taken, unless they are refused as well."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        is_greeting = "/gateways/alive " in request.line
        writer.write(answer("204 No Content") if is_greeting and not greetings_too else data)

    server.behave = behave


def sent(server: HttpCloud) -> int:
    return sum("/ingest/batches " in request.line for request in server.requests)


@pytest.mark.parametrize(
    ("data", "state", "greetings_too"),
    [
        (problem("401 Unauthorized", "TOKEN_REVOKED", "The token was revoked."), LinkState.UNAUTHORIZED, True),
        (problem("403 Forbidden", "GATEWAY_MISMATCH", "Another gateway's."), LinkState.UNAUTHORIZED, False),
        (problem("426 Upgrade Required", "BATCH_VERSION_UNSUPPORTED", "Version 2 only."), LinkState.OUTDATED, False),
    ],
)
async def test_a_gateway_that_is_refused_keeps_all_asks_once_a_minute_and_goes_on_when_it_is_taken(
    server: HttpCloud, gateway: Gateway, data: bytes, state: LinkState, greetings_too: bool
) -> None:
    batches_refused(server, data, greetings_too=greetings_too)
    async with gateway.running():
        await gateway.take(0)
        await gateway.clock.until(lambda: gateway.shipper.link.state is state)
        before = sent(server)
        for round_ in range(1, 11):
            await gateway.take(round_ * ROWS)
            await gateway.let_pass(60.0)
            assert gateway.shipper.link.state is state
        # ten minutes: a probe each 60 to 75 s, greetings among them where these are refused as well
        assert 3 <= sent(server) - before <= 11
        assert gateway.buffer.stats().rows == 11 * ROWS
        assert gateway.buffer.stats().quarantined == 0
        server.behave = None
        await gateway.until_sent(step_s=1.0)
    assert server.cloud.rows() == dict.fromkeys(range(11 * ROWS), 1)


async def test_a_gateway_that_was_cloned_goes_on_under_another_epoch_and_both_lose_nothing(
    server: HttpCloud, gateway: Gateway, tmp_path: Path
) -> None:
    async with gateway.running():
        await gateway.take(0)
        await gateway.until_sent()
    (tmp_path / "clone").mkdir()
    clone = Gateway(tmp_path / "clone", server, gateway.clock)
    shutil.copy(gateway.path, clone.path)
    async with gateway.running(), clone.running():
        for number in range(1, 6):
            await gateway.take(number * 1000)
            await clone.take(number * 1000 + 500)
            await gateway.until_sent()
            await clone.until_sent()
        assert gateway.buffer.stats().quarantined == clone.buffer.stats().quarantined == 0
        assert gateway.buffer.stats().epoch != clone.buffer.stats().epoch
    expected = set(range(ROWS)) | {
        base + n for i in range(1, 6) for base in (i * 1000, i * 1000 + 500) for n in range(ROWS)
    }
    assert server.cloud.rows() == dict.fromkeys(expected, 1)


async def test_a_gateway_that_went_back_to_a_snapshot_sends_nothing_twice_and_loses_nothing(
    server: HttpCloud, gateway: Gateway, tmp_path: Path
) -> None:
    batches_refused(server, problem("503 Service Unavailable", "UNAVAILABLE", "later"))
    async with gateway.running():
        await gateway.take(0)
    snapshot = tmp_path / "snapshot.db"
    shutil.copy(gateway.path, snapshot)
    server.behave = None
    async with gateway.running():
        await gateway.take(1000)
        await gateway.until_sent()
    # back to where the first batch had not been sent, and the second not been taken
    shutil.copy(snapshot, gateway.path)
    async with gateway.running():
        await gateway.take(2000)
        await gateway.until_sent()
        assert gateway.buffer.stats().quarantined == 0
    arrived = {number: count for number, count in server.cloud.rows().items() if number < 3000}
    assert arrived == dict.fromkeys([*range(ROWS), *range(1000, 1000 + ROWS), *range(2000, 2000 + ROWS)], 1)
    assert len({wire.header(body).id.epoch for body in server.cloud.batches.values()}) == 2
