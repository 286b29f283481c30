"""The whole gateway as a process of its own, with a real Modbus server before it and a cloud behind it."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.reading import ClosedBy, GapCause
from tests.integration.edge.daemon import PATIENCE_S, TOKEN, Daemon, HttpCloud, daemon, eventually
from tests.integration.edge.drivers.modbus.counterpart import Counterpart

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
async def line() -> AsyncIterator[Counterpart]:
    counterpart = Counterpart(1)
    await counterpart.start()
    yield counterpart
    await counterpart.stop()


@pytest.fixture
async def cloud() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as served:
        yield served


def written(tmp_path: Path, cloud_url: str, port: int, *, health: str = "127.0.0.1:0") -> Path:
    path = tmp_path / "edge.yaml"
    path.write_text(
        f"""\
version: 1
gateway: {{id: hall-2}}
cloud: {{url: "{cloud_url}", token: "${{env:TOKEN}}"}}
buffer: {{path: state/buffer.db, max_size: 20 MB}}
health: {{listen: "{health}"}}
defaults: {{every: 50ms, publish: {{on: change}}}}
connections: {{line: {{modbus: tcp, host: 127.0.0.1, port: {port}, timeout: 20s}}}}
devices:
  - name: press-1
    on: line
    tags:
      count: {{register: holding 0, type: uint32}}
      state: {{register: holding 2, map: {{0: idle}}}}
""",
        encoding="utf-8",
    )
    return path


async def count_up(line: Counterpart, running: Daemon, until: int) -> None:
    """Let the device count, each number long enough that it is read."""
    unit = line.units[1]
    for number in range(1, until + 1):
        unit.put(3, 0, ">I", number)
        seen = len(line.asked)
        await eventually(lambda seen=seen: len(line.asked) >= seen + 3)
    assert running.process.returncode is None, running.log


async def test_what_a_device_says_reaches_the_cloud_once_and_a_stop_drains(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud
) -> None:
    async with daemon(written(tmp_path, cloud.url, line.port)) as running:
        await eventually(running.is_ok)
        await count_up(line, running, 20)
        await eventually(running.is_ok)
        document = (await running.get()).json()
        assert document["connections"][0]["devices"][0]["good"] == 2
        assert (
            'tezgah_edge_connection_up{connection="line",protocol="modbus"} 1.0' in (await running.get("/metrics")).text
        )
        line.units[1].put(3, 0, ">I", 4711)
        seen = len(line.asked)
        await eventually(lambda: len(line.asked) >= seen + 3)
        code, seconds = await running.stop()
        assert (code, seconds < 40) == (0, True), running.log
    counts = {value: times for (_, tag, value), times in cloud.readings().items() if tag == "count"}
    assert counts == {float(number): 1 for number in [*range(1, 21), 4711]} | {0.0: 1}
    assert cloud.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in running.log
    assert "Traceback" not in running.log
    assert {path.name for path in running.state.iterdir()} == {
        "applied.json",
        "buffer.db",
        "buffer.db.ballast",
        "edge.lock",
    }


async def test_a_lost_line_leaves_bad_readings_and_a_gap_that_reach_the_cloud(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud
) -> None:
    async with daemon(written(tmp_path, cloud.url, line.port)) as running:
        await eventually(running.is_ok)
        await line.stop()
        await eventually(lambda: not_ok(running))
        await line.start()
        await eventually(running.is_ok)
        await running.stop()
    lost = [gap for gap in cloud.gaps() if gap.cause is GapCause.COMMUNICATION_LOST]
    begun, ended = sorted(lost, key=lambda gap: gap.revision)
    assert [(gap.device, gap.tag, gap.is_open) for gap in (begun, ended)] == [
        ("press-1", None, True),
        ("press-1", None, False),
    ]
    assert begun.id == ended.id
    assert ended.from_us == begun.from_us < ended.to_us
    assert sum(times for (_, _, value), times in cloud.readings().items() if value != value) == 2
    assert running.log.count("connection lost") == running.log.count("connection back") == 1


async def test_a_gateway_killed_within_an_outage_has_not_kept_it_to_itself(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud
) -> None:
    path = written(tmp_path, cloud.url, line.port)
    async with daemon(path) as running:
        await eventually(running.is_ok)
        await line.stop()
        await eventually(lambda: any(gap.is_open for gap in cloud.gaps()))
        await running.stop(signal.SIGKILL)
    await line.start()
    async with daemon(path) as running:
        await eventually(running.is_ok)
        await running.stop()
    ledger = {gap.id: gap for gap in sorted(cloud.gaps(), key=lambda gap: gap.revision)}
    whole, lost, down = sorted(ledger.values(), key=lambda gap: (gap.device or "", gap.from_us))
    # the outage until the kill, and the time until the line was read again, one behind the other
    assert [(gap.cause, gap.device, gap.is_open) for gap in (lost, down)] == [
        (GapCause.COMMUNICATION_LOST, "press-1", False),
        (GapCause.GATEWAY_DOWN, "press-1", False),
    ]
    assert lost.from_us < lost.to_us == down.from_us < down.to_us
    # that of the whole gateway has given way to them
    assert (whole.cause, whole.device, whole.closed_by) == (GapCause.GATEWAY_DOWN, None, ClosedBy.SPLIT)


async def not_ok(running: Daemon) -> bool:
    return not await running.is_ok()


async def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    config = written(tmp_path, NOBODY, 1)
    async with daemon(config) as first:
        await eventually(first.runs)
        async with daemon(config) as second:
            async with asyncio.timeout(PATIENCE_S):
                assert await second.process.wait() == 75
            assert f"process {first.process.pid}" in second.log
            assert "Traceback" not in second.log
        assert await first.runs()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_with_nobody_before_and_behind_it_a_signal_still_ends_it_well(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with daemon(written(tmp_path, NOBODY, 1)) as running:
        await eventually(running.runs)
        assert (await running.get()).json()["status"] == "degraded"
        code, seconds = await running.stop(number)
        assert (code, seconds < 40) == (0, True), running.log


async def test_a_cloud_that_hangs_does_not_keep_it_from_ending(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud
) -> None:
    cloud.answers.clear()
    config = written(tmp_path, cloud.url, line.port)
    async with daemon(config) as running:
        await eventually(running.runs)
        await count_up(line, running, 3)
        code, seconds = await running.stop()
        assert (code, seconds < 40) == (0, True), running.log
    assert cloud.readings() == {}
    cloud.answers.set()
    async with daemon(config) as again:
        await eventually(again.is_ok)
        await again.stop()
    assert {value: cloud.readings()["press-1", "count", value] for value in (1.0, 2.0)} == {1.0: 1, 2.0: 1}
    assert {gap.cause for gap in cloud.gaps()} == {GapCause.GATEWAY_DOWN}


async def test_a_second_signal_cuts_the_draining_short(tmp_path: Path, line: Counterpart, cloud: HttpCloud) -> None:
    cloud.answers.clear()
    async with daemon(written(tmp_path, cloud.url, line.port)) as running:
        await eventually(running.runs)
        await count_up(line, running, 3)
        running.process.send_signal(signal.SIGTERM)
        await eventually(lambda: "gateway stops" in running.log)
        code, _ = await running.stop()
        assert code == 130, running.log
        assert "Traceback" not in running.log


async def test_the_supervisor_is_told_when_it_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.setblocking(False)
        loop = asyncio.get_running_loop()
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
        async with daemon(written(tmp_path, NOBODY, 1), **told) as running, asyncio.timeout(PATIENCE_S):
            heard = [await loop.sock_recv(supervisor, 99) for _ in range(3)]
            assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            await running.stop()
            heard = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.append(supervisor.recv(99))
            assert b"STOPPING=1" in heard


async def test_a_taken_health_port_is_told_before_anything_runs(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        async with daemon(written(tmp_path, NOBODY, 1, health=listen)) as running, asyncio.timeout(PATIENCE_S):
            assert await running.process.wait() == 78
        assert f"health.listen {listen} cannot be used" in running.log


async def test_status_tells_how_it_is_by_its_exit_code(tmp_path: Path, line: Counterpart, cloud: HttpCloud) -> None:
    async with daemon(written(tmp_path, cloud.url, line.port)) as running:
        await eventually(running.is_ok)
        assert await status(running) == 0
        await line.stop()
        await eventually(lambda: not_ok(running))
        assert await status(running) == 1


async def status(running: Daemon) -> int:
    command = (sys.executable, "-m", "edge", "status", "--state-dir", str(running.state))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert (b"press-1" in output, errors) == (True, b"")
    assert process.returncode is not None
    return process.returncode
