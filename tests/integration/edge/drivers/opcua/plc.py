"""A real OPC UA server (asyncua) that holds what it is told, vanishes and comes back, and a cable that can be cut."""

import asyncio
import contextlib
import math
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta

from asyncua import Server, ua
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.history import HistoryDict
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from edge.clock import Clock, SystemClock
from edge.drivers.opcua import SPEC
from edge.drivers.opcua.config import OpcUaConnection, OpcUaDevice, OpcUaTag
from edge.drivers.opcua.driver import OpcUaDriver
from edge.drivers.spec import NOWHERE, Point, Surroundings
from edge.errors import DriverError
from edge.ports import Sample

NAMESPACE = "urn:tezgah:test"
PATIENCE_S = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Plc:
    """The server, on the same port each time it starts. Building its address space takes a second: see `booted`."""

    def __init__(self) -> None:
        # bound but never listening: the port stays this server's while it is away
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port: int = self._held.getsockname()[1]
        self.namespace = 0
        self.server = Server()
        self._binary: BinaryServer | None = None
        self._names: set[str] = set()
        self._historized: set[str] = set()
        self.history = HistoryDict()

    async def boot(self) -> None:
        self.server.disable_clock()
        await self.server.init()
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self.server.set_identity_tokens([ua.AnonymousIdentityToken])
        self.namespace = await self.server.register_namespace(NAMESPACE)
        await self.server._setup_server_nodes()
        await self.server.iserver.start()

    async def start(self) -> None:
        """Serve."""
        self._binary = BinaryServer(self.server.iserver, "127.0.0.1", self.port, self.server.limits)
        self._binary.set_policies(self.server._policies)
        await self._binary.start()

    async def stop(self) -> None:
        """Vanish like a server whose power was cut: connections, sessions and subscriptions are gone, values stay."""
        binary, self._binary = self._binary, None
        if binary is None:
            return
        service = self.server.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))
        for session in self.sessions():
            await session.close_session(True)
        await binary.stop()

    async def secure(self, certificate: x509.Certificate, key: rsa.RSAPrivateKey, *policies: str) -> None:
        """Offer these security policies, as asyncua names them with their mode, from the next start on."""
        wanted = [ua.SecurityPolicyType[name] for name in policies] or [ua.SecurityPolicyType.NoSecurity]
        self.server.iserver.certificate, self.server.iserver.private_key = certificate, key
        self.server.iserver.endpoints.clear()
        self.server._policies.clear()
        self.server.set_security_policy(wanted)
        await self.server._setup_server_nodes()

    async def clear(self) -> None:
        """Forget all values."""
        await self.server.delete_nodes([self.server.get_node(self.node(name)) for name in self._names])
        self._names.clear()
        self._historized.clear()
        self.history = HistoryDict()

    async def remove(self, name: str) -> None:
        """Let a value's node vanish."""
        self._names.discard(name)
        await self.server.delete_nodes([self.server.get_node(self.node(name))])

    async def historize(self, name: str) -> None:
        """Keep a history of a value from now on; asyncua's own way of it ends when its subscriptions do."""
        self.server.iserver.history_manager.set_storage(self.history)
        await self.history.new_historized_node(self.node(name), None, 10_000)
        node = self.server.get_node(self.node(name))
        await node.set_attr_bit(ua.AttributeIds.AccessLevel, ua.AccessLevel.HistoryRead)
        await node.set_attr_bit(ua.AttributeIds.UserAccessLevel, ua.AccessLevel.HistoryRead)
        self._historized.add(name)

    def node(self, name: str) -> ua.NodeId:
        return ua.NodeId(name, self.namespace)

    async def put(self, name: str, value: object, source_us: int | None = None, **rest: object) -> int:
        """Write a value (or a Variant), making its node if there is none; return its source time."""
        now_us = time.time_ns() // 1000 if source_us is None else source_us
        variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
        if name not in self._names:
            self._names.add(name)
            await self.server.nodes.objects.add_variable(self.node(name), f"{self.namespace}:{name}", variant)
        stamped = ua.DataValue(variant, SourceTimestamp=_EPOCH + timedelta(microseconds=now_us), **rest)  # type: ignore[arg-type]
        await self.server.write_attribute_value(self.node(name), stamped)
        if name in self._historized:
            await self.history.save_node_value(self.node(name), stamped)
        return now_us

    def sessions(self) -> list[object]:
        """Return the sessions of clients."""
        return list(self.server.iserver._external_sessions.values())

    def subscriptions(self) -> list[object]:
        return list(self.server.iserver.subscription_service.subscriptions.values())


_booted: list[Plc] = []


async def booted() -> Plc:
    """Return the one server of this process, not serving and without values."""
    if not _booted:
        plc = Plc()
        await plc.boot()
        _booted.append(plc)
    return _booted[0]


class Cable:
    """A way to the server that can be cut (connections reset) or hang (nothing passes, nothing is closed)."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._passes = asyncio.Event()
        self._passes.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0

    async def __aenter__(self) -> "Cable":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._passes.set()
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def hang(self) -> None:
        self._passes.clear()

    def heal(self) -> None:
        self._passes.set()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers |= {writer, forth}
        self.connections += 1
        with contextlib.suppress(OSError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, forth))
                group.create_task(self._pass(back, writer))
        self.connections -= 1

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._passes.wait()
                writer.write(data)
        writer.close()


class Later(SystemClock):
    """A clock whose monotonic time can be moved on."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


def points(names: Iterable[str], every_s: float = 0.05, **options: object) -> list[Point]:
    """Make points of the PLC's values; a name with `=` in it is a whole node id."""
    device = OpcUaDevice(name="press", on="plc", tags={})
    return [
        Point(
            "press",
            name,
            every_s,
            device,
            OpcUaTag.model_validate({"node": name if "=" in name else f"ns=2;s={name}", **options}),
        )
        for name in names
    ]


def driver(
    port: int, points: list[Point], clock: Clock | None = None, around: Surroundings = NOWHERE, **options: object
) -> OpcUaDriver:
    connection = OpcUaConnection.model_validate(
        {"opcua": f"opc.tcp://127.0.0.1:{port}", "timeout": "1s", "publishing_interval": "50ms", **options}
    )
    built = SPEC.build("plc", connection, points, clock or SystemClock(), around)
    assert isinstance(built, OpcUaDriver)
    return built


class Taker:
    """Takes a driver's samples, and acknowledges them while `acknowledges`."""

    def __init__(self, driver: OpcUaDriver) -> None:
        self.samples: list[Sample] = []
        self.error: DriverError | None = None
        self.ended = False
        self.acknowledges = True
        self.takes = asyncio.Event()
        self.takes.set()
        self._driver = driver
        self._news = asyncio.Event()

    async def take(self) -> None:
        try:
            async for sample in self._driver.samples():
                self.samples.append(sample)
                if sample.receipt is not None and self.acknowledges:
                    self._driver.acknowledge([sample.receipt])
                self._news.set()
                await self.takes.wait()
        except DriverError as error:
            self.error = error
        finally:
            self.ended = True
            self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds; fails with what was seen if it does not in time."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never: {self.error}, {self.rows()}") from None

    def rows(self) -> list[tuple[int, int, float | str, int, int]]:
        """Return point, source time, value or text, quality and status of everything taken."""
        rows = []
        for sample in self.samples:
            block = sample.readings
            columns = (block.tag, block.ts, block.value, block.quality, block.status)
            for row, (tag, ts, value, quality, status) in enumerate(
                zip(*(column.tolist() for column in columns), strict=True)
            ):
                shown = block.text.get(row, "NaN" if math.isnan(value) else value)
                rows.append((tag, ts, shown, quality, status))
        return rows

    def values(self, point: int = 0) -> list[float | str]:
        return [value for tag, _, value, _, _ in self.rows() if tag == point]


@contextlib.asynccontextmanager
async def taking(driver: OpcUaDriver) -> AsyncIterator[Taker]:
    """Open a driver and take its samples until the block ends; the driver is closed then."""
    taker = Taker(driver)
    await driver.open()
    # no TaskGroup: an assertion that fails in the block should be reported as itself, not inside a group
    task = asyncio.create_task(taker.take())
    try:
        yield taker
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await driver.close()


async def eventually(condition: Callable[[], object]) -> None:
    """Look again and again until the condition holds; fails if it does not in time."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "never"
        await asyncio.sleep(0.01)
