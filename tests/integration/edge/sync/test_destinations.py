"""Two clouds behind one buffer: each gets everything once, whatever becomes of the other; and a daemon that has two."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from edge.buffer.destinations import Target
from edge.buffer.sqlite import SqliteBuffer
from edge.ports import FIRST, Lease
from edge.sync.shipper import Shipper
from shared.reading import GapCause
from shared.wire import batch as wire
from tests.fakes.clock import HandClock
from tests.fakes.cloud import MemoryCloud, MemoryUplink, away, refusing_numbers
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import GATEWAY, crashed
from tests.integration.edge.daemon import HttpCloud, daemon, eventually

OFFICE = "office"
BOTH = (Target(FIRST, "https://plant"), Target(OFFICE, "https://office"))


class Site:
    """A gateway's buffer with a shipper for each destination."""

    def __init__(self, buffer: SqliteBuffer, uplinks: Mapping[str, MemoryUplink], clock: HandClock) -> None:
        self.buffer, self.uplinks, self.clock = buffer, uplinks, clock

    async def says(self, first: int, count: int) -> None:
        await self.buffer.append(numbered(first, count, self.clock.now_us()))
        await self.buffer.flush()

    async def drained(self, *names: str) -> None:
        await self.clock.until(lambda: not any(self.buffer.stats().backlogs[name].batches for name in names))


@contextlib.asynccontextmanager
async def site(
    path: Path, clouds: Mapping[str, MemoryCloud], clock: HandClock, targets: Sequence[Target] = BOTH
) -> AsyncIterator[Site]:
    buffer = await SqliteBuffer.open(path, max_bytes=20_000_000, gateway=GATEWAY, clock=clock, targets=targets)
    buffer.register(TAGS)
    uplinks = {target.name: MemoryUplink(clouds[target.name]) for target in targets}
    tasks = [asyncio.create_task(buffer.run())]
    tasks += [
        asyncio.create_task(Shipper(buffer.lender(name), uplink, clock).run()) for name, uplink in uplinks.items()
    ]
    try:
        yield Site(buffer, uplinks, clock)
    finally:
        for task in tasks[1:]:
            task.cancel()
        await asyncio.wait(tasks[1:])
        await buffer.close()
        await tasks[0]


@pytest.fixture
def clouds() -> dict[str, MemoryCloud]:
    return {FIRST: MemoryCloud(), OFFICE: MemoryCloud()}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def test_one_that_is_down_stops_nobody_and_gets_everything_once_when_it_is_back(
    tmp_path: Path, clouds: dict[str, MemoryCloud], clock: HandClock
) -> None:
    async with site(tmp_path / "buffer.db", clouds, clock) as here:
        here.uplinks[OFFICE].fault = away
        for first in range(0, 300, 10):
            await here.says(first, 10)
        await here.drained(FIRST)
        assert clouds[FIRST].rows() == Counter(range(300))
        assert not clouds[OFFICE].rows()
        assert here.buffer.stats().backlogs[OFFICE].rows == 300
        here.uplinks[OFFICE].fault = None
        await here.drained(OFFICE)
        assert here.buffer.stats().batches == 0
    assert clouds[OFFICE].rows() == Counter(range(300))
    assert {*clouds[FIRST].bodies()} == {*clouds[OFFICE].bodies()}, "encoded once"


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_a_kill_between_two_acknowledgements_costs_neither_anything(
    tmp_path: Path, clouds: dict[str, MemoryCloud], clock: HandClock, is_forgotten: bool
) -> None:
    """With its negative control: a file without the cursor of the second loses what that had not got."""
    path = tmp_path / "buffer.db"
    async with site(path, clouds, clock) as here:
        here.uplinks[OFFICE].fault = away
        await here.says(0, 50)
        await here.drained(FIRST)
        copy = crashed(path, tmp_path / "crash")
    if is_forgotten:
        async with site(copy, clouds, clock, BOTH[:1]):
            pass
    async with site(copy, clouds, clock) as here:
        await here.says(50, 50)
        await here.drained(FIRST, OFFICE)
    assert clouds[FIRST].rows() == Counter(range(100))
    assert (clouds[OFFICE].rows() == Counter(range(100))) != is_forgotten


async def test_what_one_refuses_reaches_the_other_and_is_told_to_the_one_alone(
    tmp_path: Path, clouds: dict[str, MemoryCloud], clock: HandClock
) -> None:
    async with site(tmp_path / "buffer.db", clouds, clock) as here:
        here.uplinks[OFFICE].fault = refusing_numbers(7, 33)
        await here.says(0, 50)
        await here.drained(FIRST, OFFICE)
        assert here.buffer.stats().quarantined == 2
        assert clouds[FIRST].rows() == Counter(range(50))
        assert clouds[OFFICE].rows() == Counter(set(range(50)) - {7, 33})
        here.uplinks[OFFICE].fault = None
        assert await here.buffer.retry([1, 2]) == 2
        await here.drained(FIRST, OFFICE)
    assert clouds[FIRST].rows() == clouds[OFFICE].rows() == Counter(range(50))
    told = {name: [gap for body in cloud.bodies() for gap in wire.decode(body).gaps] for name, cloud in clouds.items()}
    assert [gap for gap in told[FIRST] if gap.cause is GapCause.REFUSED] == []
    ends = {gap.id: gap.closed_us for gap in sorted(told[OFFICE], key=lambda gap: gap.revision)}
    assert len(ends) == 2
    assert None not in ends.values(), "what was sent again is missing no more"


async def test_a_batch_is_lent_to_each_destination_and_settled_for_each_alone(tmp_path: Path, clock: HandClock) -> None:
    buffer = await SqliteBuffer.open(
        tmp_path / "b.db", max_bytes=20_000_000, gateway=GATEWAY, clock=clock, targets=BOTH
    )
    buffer.register(TAGS)
    await buffer.append(numbered(0, 5, clock.now_us()))
    await buffer.flush()
    leases: list[Lease] = []
    for name in (FIRST, OFFICE):
        lease = await buffer.lender(name).lease(live=True, wait=False)
        assert lease is not None
        assert await buffer.lender(name).lease(live=False, wait=False) is None
        leases.append(lease)
    assert leases[0] == leases[1]
    await buffer.lender(FIRST).settle(leases[0].id)
    await buffer.lender(OFFICE).give_back(leases[1].id)
    assert await buffer.lender(FIRST).lease(live=False, wait=False) is None
    assert await buffer.lender(OFFICE).lease(live=False, wait=False) == leases[1]
    await buffer.close()


CONFIG = """\
version: 1
gateway: {{id: test-gateway}}
cloud: {{url: "{plant}", token: "${{env:TOKEN}}"}}
{others}
buffer: {{path: state/buffer.db, max_size: 10 MB}}
health: {{listen: "127.0.0.1:0"}}
"""


async def test_a_daemon_brings_its_gaps_to_two_clouds_over_http_and_forgets_one_that_is_removed(tmp_path: Path) -> None:
    config = tmp_path / "edge.yaml"

    async def starts(*states: str, of: HttpCloud, others: str, office: HttpCloud) -> None:
        config.write_text(CONFIG.format(plant=of.url, others=others), encoding="utf-8")
        async with daemon(config, OFFICE_TOKEN="another-token-of-this-test") as edge:
            await eventually(edge.runs)

            async def are_there() -> bool:
                told = (await edge.get()).json()["destinations"]
                return [each["state"] for each in told] == list(states)

            await eventually(are_there)
            metrics = (await edge.get("/metrics")).text
            for name in ("cloud", "office")[: len(states)]:
                assert f'tezgah_edge_destination_up{{destination="{name}"}}' in metrics
            await eventually(lambda: len(of.gaps()) == len(office.gaps()) + missed or not others)
            code, _ = await edge.stop(signal.SIGTERM)
            assert code == 0

    async with HttpCloud().serving() as plant, HttpCloud().serving() as office:
        second = f'destinations: {{office: {{url: "{office.url}", token: "${{env:OFFICE_TOKEN}}"}}}}'
        missed = 0
        # each start after a stop tells a gap, and nothing else is said here
        await starts("up", "up", of=plant, others=second, office=office)
        await starts("up", "up", of=plant, others=second, office=office)
        await eventually(lambda: len(plant.gaps()) == len(office.gaps()) >= 1)
        assert {token.split()[-1] for token in office.tokens} == {"another-token-of-this-test"}
        assert not plant.tokens & office.tokens
        before = len(office.gaps())
        await starts("up", of=plant, others="", office=office)
        assert len(office.gaps()) == before
        assert len(plant.gaps()) > before
