"""How a gateway comes to its token, renews it and gets it back, between a real daemon and a real cloud."""

import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.demo.stack import Stack
from tests.integration.edge.daemon import Daemon, daemon, eventually
from tests.integration.edge.drivers.modbus.counterpart import Counterpart
from tests.system.governed import Governed


@pytest.fixture
async def line() -> AsyncIterator[Counterpart]:
    line = Counterpart(1)
    await line.start()
    yield line
    await line.stop()


@pytest.fixture
def gateway(stack: Stack, tmp_path: Path, line: Counterpart, request: pytest.FixtureRequest) -> Governed:
    return Governed(stack, tmp_path, line, f"enrolled-{abs(hash(request.node.name)) % 10**9}")


async def sends(running: Daemon) -> bool:
    assert running.process.returncode is None, running.log
    health = (await running.get()).json() if await running.runs() else {"sync": {"settled": 0}}
    return bool(health["sync"]["settled"])


async def test_a_code_brings_a_token_that_the_daemon_works_with(gateway: Governed) -> None:
    code = await gateway.code()
    status, said = await gateway.enrol(code.lower().replace("-", ""))
    assert status == 0, said
    assert stat.S_IMODE(gateway.token.stat().st_mode) == 0o600
    token = gateway.token.read_text(encoding="ascii").strip()
    assert token.startswith("tzg_")
    assert token not in said
    async with daemon(gateway.config) as running:
        await eventually(lambda: sends(running))
        assert (await running.stop())[0] == 0
    shown = await gateway.shown()
    assert shown["waiting"] == 0
    assert shown["buffer_bytes"] > 0
    assert abs(shown["clock_skew_s"]) < 5


async def test_a_code_that_is_no_good_says_so_and_leaves_the_token_alone(gateway: Governed) -> None:
    code = await gateway.code()
    assert (await gateway.enrol(code))[0] == 0
    before = gateway.token.read_bytes()
    for bad in (code, "0000-0000-0000-0000-0000", "nonsense"):
        status, said = await gateway.enrol(bad)
        assert status == 1
        assert "good once and for 15 minutes" in said
        assert gateway.token.read_bytes() == before
    status, said = await gateway.enrol(await gateway.code("another-gateway"))
    assert status == 1
    assert "another-gateway" in said
    assert gateway.name in said
    assert gateway.token.read_bytes() == before


async def test_a_token_that_could_not_be_written_costs_no_code(gateway: Governed, tmp_path: Path) -> None:
    code = await gateway.code()
    status, said = await gateway.enrol(code, "--token-file", str(tmp_path / "nowhere" / "edge-token"))
    assert status == 78
    assert "the code was not used" in said
    gateway.config.write_text(gateway.config.read_text().replace("${file:edge-token}", "${env:NO_SUCH}"))
    status, said = await gateway.enrol(code)
    assert status == 78
    assert "--token-file" in said
    assert (await gateway.enrol(code, "--token-file", str(gateway.token)))[0] == 0
    assert await gateway.is_let_in(gateway.token.read_text(encoding="ascii").strip())


async def test_a_token_is_renewed_when_the_cloud_wants_it_and_the_old_one_ends(gateway: Governed) -> None:
    assert (await gateway.enrol(await gateway.code()))[0] == 0
    first = gateway.token.read_text(encoding="ascii").strip()
    await gateway.asked("POST", f"/gateways/{gateway.name}/rotation")
    async with daemon(gateway.config) as running:
        await eventually(lambda: "token renewed" in running.log)
        second = gateway.token.read_text(encoding="ascii").strip()
        assert second != first
        assert stat.S_IMODE(gateway.token.stat().st_mode) == 0o600
        await eventually(lambda: sends(running))
        health = (await running.get()).json()
        assert health["sync"]["state"] == "up"
        assert (await running.stop(signal.SIGKILL))[0] != 0
    assert not await gateway.is_let_in(first)
    assert await gateway.is_let_in(second)
    assert (await gateway.shown())["rotation_asked_at"] is None


async def test_a_token_from_the_environment_is_renewed_beside_the_buffer(gateway: Governed) -> None:
    assert (await gateway.enrol(await gateway.code()))[0] == 0
    first = gateway.token.read_text(encoding="ascii").strip()
    gateway.token.unlink()
    gateway.config.write_text(gateway.config.read_text().replace("${file:edge-token}", "${env:HALL_TOKEN}"))
    await gateway.asked("POST", f"/gateways/{gateway.name}/rotation")
    for _ in range(2):
        # and once more, with the old one still in the environment
        async with daemon(gateway.config, HALL_TOKEN=first) as running:
            await eventually(lambda: sends(running))
            assert (await running.stop())[0] == 0
    assert not await gateway.is_let_in(first)


async def test_a_gateway_that_was_revoked_and_enrolled_again_goes_on_by_itself(gateway: Governed) -> None:
    assert (await gateway.enrol(await gateway.code()))[0] == 0
    async with daemon(gateway.config) as running:
        await eventually(lambda: sends(running))
        await gateway.asked("POST", f"/gateways/{gateway.name}/revoke")

        async def is_refused() -> bool:
            return (await running.get()).json()["sync"]["state"] == "unauthorized"

        gateway.move()
        await eventually(is_refused)
        health = (await running.get()).json()
        assert health["status"] == "degraded"
        assert any("unauthorized" in problem for problem in health["problems"])
        assert (await running.stop())[0] == 0
    assert (await gateway.enrol(await gateway.code()))[0] == 0
    async with daemon(gateway.config) as running:
        await eventually(lambda: sends(running))
        assert (await running.stop())[0] == 0
