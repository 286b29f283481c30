"""Single wrong answers, over real HTTP: what is no receipt settles nothing, and who thinks otherwise loses."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from edge.ports import Uplink
from edge.sync.https import HttpsUplink
from edge.sync.shipper import Shipper
from shared.wire.receipt import Outcome, Receipt
from tests.fakes.clock import HandClock
from tests.fakes.http_cloud import HttpCloud, Request, answer, problem, receipt_of
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import running
from tests.promise.careless import CredulousUplink
from tests.promise.promise import Said, breaches, opened

# so many requests are answered wrong, before the cloud is itself again
WRONG = 3
ROWS = 50
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + 4000 * (b"400\r\n" + 1024 * b"x" + b"\r\n")
ANOTHERS = receipt_of(Receipt("00000000-0000-4000-8000-000000000000", 1, Outcome.STORED, ROWS))
ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"220 mail.example.com ESMTP\r\n",
    "a page of a proxy": answer("200 OK", b"<html>Please sign in</html>", Content_Type="text/html"),
    "no body": answer("200 OK"),
    "another batch's receipt": ANOTHERS,
    "half a receipt": answer("200 OK", ANOTHERS[-40:-20]),
    "less than it said": b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{}",
    "no end": ENDLESS,
    "come later": problem("503 Busy", "DATABASE_UNAVAILABLE", "later", Retry_After="1"),
    "a refusal that is a proxy's": answer("413 Content Too Large", b"<html>too large</html>", Content_Type="text/html"),
}


async def found(path: Path, data: bytes, careless: Callable[[Uplink], Uplink]) -> dict[str, list[int]]:
    """Have the first requests answered so, bring everything home, and return what is not as promised."""
    clock, left, said = HandClock(), WRONG, {}

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            await server.store(request, writer)
            return
        writer.write(data)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async with HttpCloud().serving() as server, running(path, clock) as buffer:
        server.behave = behave
        buffer.register(TAGS)
        async with HttpsUplink(server.url, "token") as uplink:
            shipping = asyncio.create_task(Shipper(buffer, careless(uplink), clock).run())
            for number in range(WRONG + 3):
                now_us, first = clock.now_us(), number * ROWS
                said |= {first + n: Said(TAGS[0].device, TAGS[0].name, now_us + n) for n in range(ROWS)}
                await buffer.append(numbered(first, ROWS, now_us))
                await buffer.flush()
            await clock.until(lambda: left <= 0 and not buffer.stats().batches, 0.1)
            shipping.cancel()
            await asyncio.wait([shipping])
    return breaches(said, said.keys(), opened(server.cloud.bodies()))


@pytest.mark.parametrize("wrong", ANSWERS)
async def test_what_is_no_receipt_settles_nothing(tmp_path: Path, wrong: str) -> None:
    assert await found(tmp_path / "buffer.db", ANSWERS[wrong], lambda uplink: uplink) == {}


@pytest.mark.parametrize("wrong", ANSWERS)
async def test_a_gateway_that_takes_it_for_one_is_found_out(tmp_path: Path, wrong: str) -> None:
    """The negative control."""
    assert (await found(tmp_path / "buffer.db", ANSWERS[wrong], CredulousUplink)).keys() == {"lost"}
