"""Minutes in which much goes wrong, in hasty time: before the gateway, its devices; behind it, the line to the cloud.

One whole gateway with the daemon's own parts and real sockets. What the devices answered is stored once, in order and
at its time; what they did not is told; who is healthy is read as before; and all is well again by itself.
"""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from shared.wire import batch as wire
from shared.wire.receipt import Outcome, Receipt
from tests.fakes.http_cloud import Request, answer, problem, receipt_of
from tests.promise.haste import hasten
from tests.promise.plant import EVERY_S, FAST, HONEST, Plant, working

MINUTE_S = 60.0
# healthy devices keep it of their rate
SHARE = 0.95
Fault = Callable[[Plant], Awaitable[None]]
# on the first line two, of which the second fails; the second line fails as a whole; the third has no trouble
UNITS = [2, 1, 1]
NEIGHBOUR, FAILING, FLAPPING, FAR = "line-1-1", "line-1-2", "line-2-1", "line-3-1"


async def is_dead(plant: Plant, minutes: float = 5) -> None:
    """Let the first line's second device give no answer."""
    plant.lines[0].units[2].is_mute = True
    await plant.clock.sleep(minutes * MINUTE_S)
    plant.lines[0].units[2].is_mute = False


async def is_slow(plant: Plant) -> None:
    """Let the first line's second device take longer over an answer than its neighbour has between two."""
    plant.lines[0].slow_s[2] = 2.5
    await plant.clock.sleep(5 * MINUTE_S)
    plant.lines[0].slow_s.clear()


async def flaps(plant: Plant, minutes: float = 5) -> None:
    """Let the second line be cut, or fall silent, and come again, over and over."""
    chance, end, line = random.Random(7), plant.clock.monotonic() + minutes * MINUTE_S, plant.lines[1]
    while plant.clock.monotonic() < end:
        await plant.clock.sleep(chance.uniform(3, 15))
        is_cut = chance.random() < 0.7
        if is_cut:
            await line.stop()
        line.units[1].is_mute = not is_cut
        await plant.clock.sleep(chance.uniform(0.5, 15))
        line.units[1].is_mute = False
        if is_cut:
            await line.start()


async def talks_nonsense(plant: Plant) -> None:
    """Let the second line's answers be none: too short, of another table, of no meaning, an exception."""
    plant.lines[1].lies = [
        lambda frame: frame[:4] + b"\0\5" + frame[6:8] + b"\2" + frame[9:11],
        lambda frame: frame[:7] + b"\4" + frame[8:],
        lambda frame: frame[:7] + b"\x63" + frame[8:],
        lambda frame: frame[:4] + b"\0\3" + frame[6:7] + b"\x83\4",
    ]
    await plant.clock.sleep(MINUTE_S)
    plant.lines[1].lies = []


async def is_cut_off(plant: Plant) -> None:
    """Let the cloud be away for ten minutes: silent, hanging up, storing without an answer, dripping."""

    async def is_silent(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def loses_answers(request: Request, writer: asyncio.StreamWriter) -> None:
        if "/ingest/" in request.line:
            plant.cloud.cloud.take(request.body)
        writer.close()

    async def hangs_up(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def drips(request: Request, writer: asyncio.StreamWriter) -> None:
        for byte in cycle(b"HTTP/1.1 200 OK\r\n"):
            writer.write(bytes((byte,)))
            await plant.clock.sleep(5)

    for manner in (is_silent, hangs_up, loses_answers, drips):
        plant.cloud.behave = manner
        await plant.clock.sleep(2.5 * MINUTE_S)
    plant.cloud.behave = None


async def refuses(plant: Plant) -> None:
    """Let the cloud be up and refuse: broken, busy, another's, of another version, and with a token that is revoked."""
    for said in (
        answer("500 Internal Server Error"),
        problem("503 Service Unavailable", "BUSY", "later", Retry_After="5"),
        problem("429 Too Many Requests", "RATE_LIMITED", "later", Retry_After="5"),
        answer("404 Not Found"),
        answer("413 Content Too Large"),
        problem("426 Upgrade Required", "WIRE_VERSION", "this cloud speaks version 2"),
        problem("401 Unauthorized", "INVALID_TOKEN", "the token was revoked"),
        problem("403 Forbidden", "FORBIDDEN", "the gateway is disabled"),
    ):
        plant.cloud.says(said)
        await plant.clock.sleep(MINUTE_S)
    plant.cloud.behave = None


async def lies_once(plant: Plant) -> None:
    """Let the cloud give one receipt for what it did not store."""

    async def lies(request: Request, writer: asyncio.StreamWriter) -> None:
        if "/ingest/" not in request.line:
            await plant.cloud.store(request, writer)
            return
        plant.cloud.behave = None
        head = wire.decode(request.body).header
        writer.write(receipt_of(Receipt(str(head.id.epoch), head.id.seq, Outcome.STORED, head.rows)))

    plant.cloud.behave = lies
    await plant.clock.sleep(10)


def together(*faults: Fault) -> Fault:
    """Return what does all of it at once."""

    async def happen(plant: Plant) -> None:
        async with asyncio.TaskGroup() as tasks:
            for fault in faults:
                tasks.create_task(fault(plant))  # type: ignore[arg-type]  # a coroutine

    return happen


@dataclass(frozen=True)
class Came:
    """What came of it, before the gateway was stopped.

    Attributes:
        breaches: As the plant says.
        shares: What was left of each device's rate meanwhile.
        behind_s: How old the newest of what each device said is in the cloud, minutes after all was well again.
    """

    breaches: dict[str, list[str]]
    shares: dict[str, float]
    behind_s: dict[str, float]


async def came_of(place: Path, fault: Fault, factory: str = HONEST, *, minutes: float = 2) -> Came:
    """Let a gateway work for a healthy minute, through a fault, and for some minutes more."""
    random.seed(3)
    async with working(place, UNITS, factory) as plant:
        await plant.clock.sleep(MINUTE_S)
        begun_us = plant.clock.now_us()
        await fault(plant)
        ended_us = plant.clock.now_us()
        await plant.clock.sleep(minutes * MINUTE_S)
        now_us = plant.clock.now_us()
        behind_s = {device: (now_us - plant.rows(device)[-1].ts_us) / 1e6 for device in plant.devices()}
    shares = {device: plant.rate(device, begun_us, ended_us) * EVERY_S for device in plant.devices()}
    return Came(plant.breaches(), shares, behind_s)


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tz-plant-", dir=FAST if FAST.is_dir() else None) as directory:
        yield Path(directory)


def test_a_dead_device_and_one_that_flaps_cost_nobody_else_anything(place: Path) -> None:
    came = hasten(came_of(place, together(is_dead, flaps)))
    assert came.breaches == {}
    assert min(came.shares[NEIGHBOUR], came.shares[FAR]) >= SHARE, came.shares
    assert came.shares[FAILING] == 0
    assert 0 < came.shares[FLAPPING] < SHARE
    assert max(came.behind_s.values()) < 10, "all is well again by itself"


def test_a_device_that_takes_its_time_takes_nobody_elses(place: Path) -> None:
    came = hasten(came_of(place, is_slow))
    # it is asked once a minute, which is no hole in what it said
    assert came.breaches.keys() == {FAILING}
    assert all(words.startswith("nothing is told of 6") for words in came.breaches[FAILING])
    assert min(came.shares[NEIGHBOUR], came.shares[FLAPPING], came.shares[FAR]) >= SHARE, came.shares
    assert 0 < came.shares[FAILING] < SHARE
    assert max(came.behind_s.values()) < 10


def test_nonsense_is_told_bad_and_is_no_value(place: Path) -> None:
    came = hasten(came_of(place, talks_nonsense))
    assert came.breaches == {}
    assert came.shares[FLAPPING] == 0
    assert min(came.shares[NEIGHBOUR], came.shares[FAILING], came.shares[FAR]) >= SHARE, came.shares
    assert max(came.behind_s.values()) < 10


def test_a_partition_of_ten_minutes_costs_nothing(place: Path) -> None:
    came = hasten(came_of(place, is_cut_off))
    assert came.breaches == {}
    assert min(came.shares.values()) >= SHARE, came.shares
    assert max(came.behind_s.values()) < 10


def test_a_cloud_that_refuses_for_minutes_costs_nothing(place: Path) -> None:
    # whose token was refused asks again a minute later, and a batch that was refused waits for as long
    came = hasten(came_of(place, refuses, minutes=4))
    assert came.breaches == {}
    assert min(came.shares.values()) >= SHARE, came.shares
    assert max(came.behind_s.values()) < 10


@pytest.mark.parametrize(
    ("driver", "fault", "breach"),
    [
        ("forgetful", talks_nonsense, "lost"),
        ("stammering", talks_nonsense, "twice"),
        ("secretive", partial(flaps, minutes=2), "nothing is told of"),
        ("credulous", talks_nonsense, "out of nothing"),
    ],
    ids=["loses some", "says some twice", "keeps an outage to itself", "believes anything"],
)
def test_a_driver_that_breaks_the_promise_is_found_out(place: Path, driver: str, fault: Fault, breach: str) -> None:
    """The negative controls."""
    came = hasten(came_of(place, fault, f"tests.promise.broken:{driver}"))
    assert any(breach in words for found in came.breaches.values() for words in found), came.breaches


def test_a_gateway_that_waits_for_the_dead_is_found_out(place: Path) -> None:
    """The negative control of the rate."""
    assert hasten(came_of(place, partial(is_dead, minutes=2), "tests.promise.broken:patient")).shares[NEIGHBOUR] < SHARE


def test_a_receipt_for_what_was_not_stored_is_found_out(place: Path) -> None:
    """The negative control of the partition, and of the cloud that refuses."""
    assert "lost" in str(hasten(came_of(place, lies_once)).breaches)
