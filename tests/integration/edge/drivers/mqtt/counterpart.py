"""Real brokers to test the driver on: amqtt in this process, Mosquitto where it is installed; and a line to cut."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.publish

from edge.clock import SystemClock
from edge.drivers.mqtt import SPEC
from edge.drivers.mqtt.config import MqttDevice
from edge.drivers.mqtt.driver import MqttDriver
from edge.drivers.spec import Point, Surroundings
from edge.ports import BEFORE_US, Sample
from simulators.broker import MqttBroker
from tests.fakes.ports import free_port

PATIENCE_S = 60.0
# Debian's and Windows' packages put it where an ordinary user's PATH does not lead
_PLACES = (
    os.environ.get("PATH", ""),
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    r"C:\Program Files\mosquitto",
)
MOSQUITTO = shutil.which("mosquitto", path=os.pathsep.join(_PLACES))
MAY_BE_MISSING = os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") != "1"


class Setting(NamedTuple):
    """A broker and the protocol's version."""

    broker: str
    version: int

    def __str__(self) -> str:
        return f"{self.broker}-v{self.version}"


# counterparts from npm (`npm ci --prefix tests/foreign`)
FOREIGN = Path(__file__).parents[4] / "foreign"
NODE = shutil.which("node") if (FOREIGN / "node_modules").is_dir() else None

# amqtt speaks 3.1.1 only; without Mosquitto its tests are not there, unless nothing may be missing
AMQTT = [Setting("amqtt", 3)]
ON_MOSQUITTO = [Setting("mosquitto", 3), Setting("mosquitto", 5)] if MOSQUITTO or not MAY_BE_MISSING else []
# a third broker of its own make
ON_AEDES = [Setting("aedes", 3)] if NODE or not MAY_BE_MISSING else []
SETTINGS = AMQTT + ON_MOSQUITTO + ON_AEDES


class Broker(ABC):
    """A broker that can be stopped and started again on its port; its sessions do not survive that."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        self.port = 0
        self.users = users

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...


class Amqtt(Broker):
    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        super().__init__(users)
        self._broker: MqttBroker | None = None

    async def start(self) -> None:
        self._broker = MqttBroker(port=self.port, users=self.users)
        await self._broker.start()
        self.port = self._broker.port

    async def stop(self) -> None:
        if self._broker:
            await self._broker.stop()


class Mosquitto(Broker):
    """A process of its own; `lines` are more lines of its configuration."""

    def __init__(self, directory: Path, users: Mapping[str, str] | None = None, lines: Sequence[str] = ()) -> None:
        super().__init__(users)
        self._directory = directory
        self._lines = lines
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert MOSQUITTO, "mosquitto is not installed, and TEZGAH_TEST_NOTHING_SKIPPED=1 forbids to go without"
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            # it cannot be asked for a free port, and another process may take ours first
            port = self.port or free_port()
            self._process = await asyncio.create_subprocess_exec(
                MOSQUITTO, "-c", self._configuration(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            if await self._answers(port, end):
                self.port = port
                return
        raise AssertionError(f"mosquitto did not start on port {self.port}")

    async def stop(self) -> None:
        if self._process:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)
            self._process = None

    async def _answers(self, port: int, end: float) -> bool:
        assert self._process
        while self._process.returncode is None and time.monotonic() < end:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return True
            await asyncio.sleep(0.01)
        return False

    def _configuration(self, port: int) -> str:
        lines = [f"listener {port} 127.0.0.1", "persistence false", "max_queued_messages 0", *self._lines]
        if getattr(os, "geteuid", lambda: 1)() == 0:
            # else it becomes a user that may not read the test's files
            lines.append("user root")
        if self.users:
            passwords = self._directory / "passwords"
            passwords.write_text("".join(f"{user}:{password}\n" for user, password in self.users.items()))
            tool = Path(MOSQUITTO or "").parent.parent / "bin" / "mosquitto_passwd"
            subprocess.run([shutil.which("mosquitto_passwd") or tool, "-U", str(passwords)], check=True)
            lines.append(f"password_file {passwords}")
        else:
            lines.append("allow_anonymous true")
        file = self._directory / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n")
        return str(file)


class Aedes(Broker):
    """A process of Node's, with sessions in its memory."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        super().__init__(users)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert NODE, "node or tests/foreign/node_modules is missing, and TEZGAH_TEST_NOTHING_SKIPPED=1 forbids that"
        users = [json.dumps(self.users)] if self.users else []
        self._process = await asyncio.create_subprocess_exec(
            NODE, str(FOREIGN / "broker.js"), str(self.port), *users, stdout=subprocess.PIPE, cwd=FOREIGN
        )
        assert self._process.stdout
        self.port = int(await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S))

    async def stop(self) -> None:
        if self._process:
            self._process.kill()
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)
            self._process = None


def make(setting: Setting, directory: Path, users: Mapping[str, str] | None = None) -> Broker:
    """Make the broker of a setting, not started."""
    if setting.broker == "aedes":
        return Aedes(users)
    return Mosquitto(directory, users) if setting.broker == "mosquitto" else Amqtt(users)


class Line:
    """A TCP line to a broker that can be cut, and frozen as a network does that neither carries nor breaks."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self._to = to
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    async def __aenter__(self) -> "Line":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.thaw()
        self.cut()

    def cut(self) -> None:
        """Break every connection now; new ones are carried."""
        for writer in self._writers:
            writer.transport.abort()

    def freeze(self) -> None:
        """Carry nothing any more."""
        self._flows.clear()

    def thaw(self) -> None:
        """Carry again."""
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            onward, back = await asyncio.open_connection("127.0.0.1", self._to)
            self._writers |= {writer, back}
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._carry(reader, back))
                    both.create_task(self._carry(onward, writer))
            finally:
                self._writers -= {writer, back}
                writer.transport.abort()
                back.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        # a frozen network does not carry that one side hung up, either
        await self._flows.wait()
        writer.close()


def points(name: str, topic: str, tags: Mapping[str, str], **options: object) -> list[Point]:
    """Make a device's points from its configuration: tag to JSON path."""
    device = MqttDevice.model_validate(
        {
            "name": name,
            "on": "broker",
            "topic": topic,
            "tags": {tag: {"json": path} for tag, path in tags.items()},
            **options,
        }
    )
    return [Point(name, tag, 1.0, device, of) for tag, of in device.tags.items()]


def families(entry: Mapping[str, object]) -> list[Point]:
    """Make the patterns of an entry whose devices or tags only messages tell."""
    device = MqttDevice.model_validate({"on": "broker", **entry})
    return [Point(device.name, tag, 1.0, device, of) for tag, of in device.families.items()]


def driver(
    port: int,
    of: Sequence[Point],
    client_id: str = "test-gateway",
    *,
    families: Sequence[Point] = (),
    **options: object,
) -> MqttDriver:
    """Build a driver to a local broker."""
    connection = {"mqtt": f"mqtt://127.0.0.1:{port}", "client_id": client_id, "timeout": "10s", **options}
    built = SPEC.build(
        "broker", SPEC.connection.model_validate(connection), of, SystemClock(), Surroundings(families=families)
    )
    assert isinstance(built, MqttDriver)
    return built


async def news(of: MqttDriver) -> AsyncIterator[Sample]:
    """Pass on samples but those that only say that the broker had no session of an earlier process."""
    async for sample in of.samples():
        if len(sample.readings) or sample.receipt or any(gap.from_us != BEFORE_US for gap in sample.gaps):
            yield sample


async def publish(port: int, *messages: tuple[str, str | bytes], retain: bool = False, qos: int = 1) -> None:
    """Publish topics and payloads, each acknowledged by the broker when this returns."""
    batch = [{"topic": topic, "payload": payload, "qos": qos, "retain": retain} for topic, payload in messages]
    await asyncio.to_thread(paho.mqtt.publish.multiple, batch, hostname="127.0.0.1", port=port)
