"""A gateway that runs takes up another configuration: what differs is opened anew, what does not is not touched."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.reading import GapCause
from tests.fakes.ports import free_port
from tests.integration.edge.daemon import TOKEN, Daemon, HttpCloud, daemon, eventually
from tests.integration.edge.drivers.modbus.counterpart import Counterpart
from tests.integration.edge.drivers.mqtt.scripted import SUBSCRIBE, ScriptedBroker, publish


class Line(Counterpart):
    """Counts how often somebody connected."""

    opened = 0

    def _connected(self, is_up: bool) -> None:
        self.opened += is_up
        super()._connected(is_up)


@pytest.fixture
async def lines() -> AsyncIterator[tuple[Line, Line]]:
    pair = Line(1), Line(1)
    for line in pair:
        await line.start()
        line.units[1].put(3, 0, ">I", 7)
    yield pair
    for line in pair:
        await line.stop()


@pytest.fixture
async def cloud() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as served:
        yield served


class Plant:
    """A configuration of two lines, as text that tests change."""

    def __init__(self, directory: Path, lines: tuple[Line, Line], cloud: HttpCloud) -> None:
        self.path = directory / "edge.yaml"
        self.text = f"""\
version: 1
gateway: {{id: hall-2, rollback_after: 60s}}
cloud: {{url: "{cloud.url}", token: "${{env:TOKEN}}"}}
buffer: {{path: state/buffer.db, max_size: 20 MB}}
health: {{listen: "127.0.0.1:0"}}
defaults: {{every: 50ms, publish: {{on: change}}}}
connections:
  line-a: {{modbus: tcp, host: 127.0.0.1, port: {lines[0].port}, timeout: 20s}}
  line-b: {{modbus: tcp, host: 127.0.0.1, port: {lines[1].port}, timeout: 20s}}
templates:
  press: {{protocol: modbus, tags: {{count: {{register: holding 0, type: uint32}}}}}}
devices:
  - {{name: press-a, use: press, on: line-a}}
  - {{name: press-b, use: press, on: line-b}}
"""
        self.write()

    def write(self, *changes: tuple[str, str]) -> None:
        for old, new in changes:
            assert old in self.text
            self.text = self.text.replace(old, new)
        self.path.write_text(self.text, encoding="utf-8")

    async def ask(self, *arguments: str) -> tuple[int, list[dict]]:
        """Run `plan` or `apply`; returns the exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", arguments[0], str(self.path), "--json", *arguments[1:]),
            # not even its secrets are at hand here: the gateway reads the file, with its own
            env={name: value for name, value in os.environ.items() if name != "TOKEN"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await process.communicate()
        assert process.returncode is not None
        assert TOKEN.encode() not in said + complained
        return process.returncode, [json.loads(line) for line in said.splitlines()]


@pytest.fixture
def plant(tmp_path: Path, lines: tuple[Line, Line], cloud: HttpCloud) -> Plant:
    return Plant(tmp_path, lines, cloud)


def good(document: dict) -> dict[str, int]:
    return {device["name"]: device["good"] for line in document["connections"] for device in line["devices"]}


async def test_only_what_differs_is_opened_anew_and_nothing_else_notices(
    plant: Plant, lines: tuple[Line, Line], cloud: HttpCloud
) -> None:
    async with daemon(plant.path) as running:
        await eventually(running.is_ok)
        epoch = (await running.get()).json()["buffer"]["epoch"]
        plant.write(
            ("  - {name: press-b,", "  - {name: press-c, use: press, on: line-a, unit: 1}\n  - {name: press-b,"),
            ("{name: press-b, use: press, on: line-b}", "{name: press-b, use: press, on: line-b}"),
        )
        code, (planned,) = await plant.ask("plan")
        assert code == 0
        assert planned["difference"]["connections"] == {"added": [], "removed": [], "changed": ["line-a"]}
        assert planned["difference"]["tags"] == {"added": ["press-c.count"], "removed": [], "changed": []}
        assert good((await running.get()).json()) == {"press-a": 1, "press-b": 1}

        code, (_, outcome) = await plant.ask("apply")
        assert (code, outcome["verdict"]) == (0, "applied"), outcome
        await eventually(running.is_ok)
        document = (await running.get()).json()
        assert good(document) == {"press-a": 1, "press-c": 1, "press-b": 1}
        assert document["buffer"]["epoch"] == epoch
        # the very same socket, before and after
        assert [line.opened for line in lines] == [2, 1]
        lines[1].units[1].put(3, 0, ">I", 8)
        await eventually(lambda: cloud.readings()["press-b", "count", 8.0])
        await eventually(lambda: cloud.readings()["press-c", "count", 7.0])
        assert {(gap.device, gap.cause, gap.detail) for gap in cloud.gaps()} == {
            ("press-a", GapCause.GATEWAY_DOWN, "the configuration was changed"),
            ("press-c", GapCause.GATEWAY_DOWN, "the configuration was changed"),
        }
        assert (await running.stop())[0] == 0


async def test_a_session_with_a_broker_that_does_not_change_keeps_its_socket(
    plant: Plant, lines: tuple[Line, Line], cloud: HttpCloud
) -> None:
    async with ScriptedBroker() as broker:
        plant.write(
            ("templates:", f'  broker: {{mqtt: "mqtt://127.0.0.1:{broker.port}", client_id: hall-2}}\ntemplates:'),
            ("devices:\n", "devices:\n  - {name: scale, on: broker, topic: a/b, qos: 1, tags: {w: {json: $.w}}}\n"),
        )
        async with daemon(plant.path) as running:
            await eventually(lambda: any(kind == SUBSCRIBE for kind, _ in broker.heard))
            broker.say(publish(1, "a/b", b'{"w": 1}'))
            await eventually(running.is_ok)
            plant.write(("{name: press-a, use: press,", "{name: press-a, use: press, unit: 1, machine: PRESS-01,"))
            code, (_, outcome) = await plant.ask("apply")
            assert (code, outcome["verdict"]) == (0, "applied"), outcome
            assert [line.opened for line in lines] == [2, 1]
            # what the broker sends now arrives over the socket of before
            broker.say(publish(2, "a/b", b'{"w": 2}'))
            await eventually(lambda: cloud.readings()["scale", "w", 2.0])
            assert broker.connections == 1
            assert broker.acknowledged() == [1, 2]


async def test_a_change_that_leaves_fewer_tags_good_is_rolled_back_and_not_started_with(
    plant: Plant, lines: tuple[Line, Line]
) -> None:
    plant.write(("rollback_after: 60s", "rollback_after: 3s"))
    before = plant.text
    async with daemon(plant.path) as running:
        await eventually(running.is_ok)
        plant.write((f"port: {lines[0].port}", f"port: {free_port()}"))
        code, (_, outcome) = await plant.ask("apply")
        assert (code, outcome["verdict"]) == (1, "rolled_back")
        assert (
            "1 of 1 tags that were good on the changed connections were not good again within 3 s" in outcome["message"]
        )
        assert "press-a.count" in outcome["message"]
        await eventually(lambda: is_told(running))
        assert [line.opened for line in lines] == [2, 1]
        assert (await running.stop())[0] == 0
    async with daemon(plant.path) as again:
        # the file still has the change, and the gateway comes up without it, and says so
        await eventually(lambda: is_told(again))
        plant.text = before
        plant.write()
        again.process.send_signal(signal.SIGHUP)
        await eventually(again.is_ok)
        assert (await again.stop())[0] == 0
    assert [line.opened for line in lines] == [3, 2]


async def is_told(running: Daemon) -> bool:
    """Whether all tags are good, and the health page says that the file does not run."""
    assert running.process.returncode is None, running.log
    if not await running.runs():
        return False
    document = (await running.get()).json()
    told = [problem for problem in document["problems"] if "was rolled back" in problem]
    return good(document) == {"press-a": 1, "press-b": 1} and len(told) == 1


async def test_a_wrong_file_is_refused_and_the_running_configuration_goes_on(
    plant: Plant, lines: tuple[Line, Line]
) -> None:
    async with daemon(plant.path) as running:
        await eventually(running.is_ok)
        plant.write(("holding 0", "holdin 0"))
        code, (told,) = await plant.ask("apply")
        assert (code, told["code"]) == (78, "CONFIG_INVALID")
        assert "'holdin 0' is not a register" in told["error"]
        running.process.send_signal(signal.SIGHUP)
        await eventually(lambda: "the configuration is wrong, so the one that runs goes on" in running.log)
        plant.write(("holdin 0", "holding 0"), ("id: hall-2", "id: hall-3"))
        code, (planned,) = await plant.ask("plan")
        assert (code, planned["difference"]["needs_restart"]) == (0, ["gateway.id"])
        code, (_, outcome) = await plant.ask("apply")
        assert (code, outcome["verdict"]) == (1, "refused")
        assert await running.is_ok()
        assert [line.opened for line in lines] == [1, 1]


async def test_what_a_removed_tag_said_before_still_goes_out(
    plant: Plant, lines: tuple[Line, Line], cloud: HttpCloud
) -> None:
    cloud.answers.clear()
    async with daemon(plant.path) as running:
        await eventually(running.runs)
        # the first value, before it is another
        await eventually(lambda: len(lines[1].asked) >= 3)
        for number in range(8, 12):
            lines[1].units[1].put(3, 0, ">I", number)
            seen = len(lines[1].asked)
            await eventually(lambda seen=seen: len(lines[1].asked) >= seen + 3)
        plant.write(("  - {name: press-b, use: press, on: line-b}\n", ""))
        code, (planned, outcome) = await plant.ask("apply")
        assert (code, outcome["verdict"]) == (0, "applied")
        assert planned["difference"]["devices"]["removed"] == ["press-b"]
        await eventually(lambda: lines[1].connections == 0)
        cloud.answers.set()
        for number in range(7, 12):
            await eventually(lambda number=number: cloud.readings()["press-b", "count", float(number)] == 1)
    assert {gap.device for gap in cloud.gaps()} == set()


async def test_a_gateway_killed_during_a_trial_comes_up_with_what_was_good(
    plant: Plant, lines: tuple[Line, Line]
) -> None:
    plant.write(("rollback_after: 60s", "rollback_after: 10min"))
    async with daemon(plant.path) as running:
        await eventually(running.is_ok)
        plant.write((f"port: {lines[0].port}", f"port: {free_port()}"))
        running.process.send_signal(signal.SIGHUP)
        await eventually(lambda: lines[0].connections == 0)
        running.process.kill()
        await running.process.wait()
    async with daemon(plant.path) as again:
        await eventually(lambda: is_told(again))
        assert "ended abruptly while it was on trial" in (await again.get()).text


async def test_who_may_not_read_the_token_changes_nothing(plant: Plant) -> None:
    async with daemon(plant.path) as running:
        await eventually(running.runs)
        control = running.state / "control.json"
        assert control.stat().st_mode & 0o777 == 0o600
        port = json.loads(control.read_text())["port"]
        for request in (
            b'{"token":"guess","do":"apply","file":"/etc/passwd"}',
            b"POST /apply HTTP/1.1",
            b'{"do":"apply"}',
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request + b"\n")
            answer = json.loads(await asyncio.wait_for(reader.readline(), 60))
            assert answer["code"] in {"UNAUTHORIZED", "BAD_REQUEST"}
            assert await reader.read() == b""
            writer.close()
        assert (await running.stop())[0] == 0
        assert not control.exists()
    code, _ = await plant.ask("plan")
    assert code == 1
