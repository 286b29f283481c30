"""The driver against open62541, the C stack that most small devices have: watched, read, browsed, cut, restarted.

It needs the extra `interop`; without it these tests are left out, unless TEZGAH_TEST_NOTHING_SKIPPED=1 says that
everything must be there. Policies are tried on node-opcua and asyncua.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncua.ua.status_codes import StatusCodes

from edge.drivers.opcua.config import Browse, OpcUaDevice
from edge.drivers.opcua.items import RETRY_S
from edge.drivers.spec import Point, Surroundings
from edge.ports import Tense
from shared.reading import Quality
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.opcua.plc import Cable, Later, driver, points, taking

SERVER = Path(__file__).parent / "open62541" / "server.py"
IS_THERE = importlib.util.find_spec("o6") is not None
KINDS = ["open62541"] if IS_THERE or os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1" else []
FIRST = {"force": 1.5, "count": 7, "name": "press", "on": True, "zones": [1.5, 2.5]}


class Small:
    """The server in a process of its own, on one port through all its starts."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert IS_THERE, "install the extra `interop`"
        words = [sys.executable, str(SERVER), str(self.port)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = await asyncio.create_subprocess_exec(*words, **pipes)  # type: ignore[arg-type]
        await self._answer(b'{"port"')
        for name, value in FIRST.items():
            await self.order(set=name, value=value)

    async def order(self, **what: object) -> None:
        """Tell it something, and wait until it is done."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._answer(b"{}")

    async def kill(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _answer(self, begin: bytes) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while not (line := await self._process.stdout.readline()).startswith(begin):
                assert line, "the server ended"


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Small]:
    small = Small()
    await small.start()
    yield small
    await small.kill()


def all_ways() -> list[Point]:
    return [
        *points([f"ns=1;s={name}" for name in ("force", "count", "name", "on", "absent")]),
        *points(["ns=1;s=zones"], index=1),
        *points(["ns=1;s=force"], mode="read", every_s=0.1),
        *points([""], node=None, path="Objects/Press/force"),
    ]


async def test_every_way_to_a_value_works_and_again_after_the_server_was_killed(server: Small) -> None:
    expected = {0: 1.5, 1: 7.0, 2: "press", 3: 1.0, 4: "NaN", 5: 2.5, 6: 1.5, 7: 1.5}
    built = driver(server.port, all_ways())
    async with taking(built) as taker:
        await taker.until(lambda: {row[0]: row[2] for row in taker.rows()} == expected)
        await server.order(set="force", value=2.5)
        await taker.until(lambda: all(2.5 in taker.values(point) for point in (0, 6, 7)))
        await server.kill()
        await taker.until(lambda: taker.error)
    await server.start()
    async with taking(built) as again:
        await again.until(lambda: {row[0]: row[2] for row in again.rows()} == expected)


async def test_a_deleted_node_is_bad_at_once_and_watched_again_when_it_is_back_with_a_gap_between(
    server: Small,
) -> None:
    clock = Later()
    async with taking(driver(server.port, points(["ns=1;s=force", "ns=1;s=count"]), clock)) as taker:
        await taker.until(lambda: len(taker.rows()) == 2)
        await server.order(delete="force")
        await taker.until(lambda: any(row[4] == StatusCodes.BadNodeIdUnknown for row in taker.rows()))
        await server.order(set="force", value=3.5)
        clock.ahead_s = RETRY_S
        await server.order(set="count", value=8)
        await taker.until(lambda: 3.5 in taker.values(0))
    assert [row[3] for row in taker.rows() if row[0] == 0] == [Quality.GOOD, Quality.BAD, Quality.GOOD]
    (gap,) = [gap for sample in taker.samples for gap in sample.gaps]
    assert (gap.device, gap.tag, gap.cause) == ("press", "ns=1;s=force", "communication_lost")


async def test_what_it_queued_over_a_cut_comes_once_the_session_is_taken_back(server: Small) -> None:
    async with Cable(server.port) as cable:
        built = driver(cable.port, points(["ns=1;s=force"], queue=100), survive_outage="1min")
        async with taking(built) as before:
            await before.until(before.rows)
            cable.cut()
            await before.until(lambda: before.error)
        for value in (3.0, 4.0, 5.0):
            await server.order(set="force", value=value)
        async with taking(built) as after:
            await after.until(lambda: 5.0 in after.values())
    assert Tense.PAST in {sample.tense for sample in after.samples}, "the subscription was taken back"
    assert not [gap for sample in after.samples for gap in sample.gaps]


async def test_wildcards_find_what_is_below(server: Small) -> None:
    found = Browse(path="Objects/Press/*", prefix="p_")
    around = Surroundings(families=[Point("press", found.path, 0.05, OpcUaDevice(name="press", on="plc"), found)])
    async with taking(driver(server.port, [], around=around)) as taker:
        await taker.until(lambda: len({row[0] for row in taker.rows()}) == len(FIRST))
    assert {point.name for sample in taker.samples for point in sample.points} == {f"p_{name}" for name in FIRST}
