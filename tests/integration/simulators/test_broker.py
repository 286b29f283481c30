"""The demo's broker keeps the promises of MQTT 3.1.1 that the gateway builds on; asked by a client of bare bytes."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from simulators.broker import MqttBroker
from simulators.sessions import WINDOW

PATIENCE_S = 60.0
TOPIC = "plant/press"


class Heard(NamedTuple):
    """A PUBLISH as it came."""

    mid: int
    payload: bytes
    is_dup: bool = False
    is_retained: bool = False


class Client:
    """Speaks MQTT 3.1.1 and acknowledges nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.session_present = False
        self.refusal = 0

    @classmethod
    async def connect(cls, broker: MqttBroker, name: str, *, user: tuple[str, str] | None = None) -> "Client":
        client = cls(*await asyncio.open_connection(broker.host, broker.port))
        flags = 0 if user is None else 0xC0
        words = "".join(_text(word) for word in (name, *(user or ()))).encode("latin-1")
        client.send(0x10, b"\x00\x04MQTT\x04" + bytes([flags]) + b"\x00\x3c" + words)
        kind, body = await client.packet()
        assert kind == 0x20
        client.session_present, client.refusal = bool(body[0]), body[1]
        return client

    def send(self, kind: int, body: bytes = b"") -> None:
        assert len(body) < 128
        self._writer.write(bytes([kind, len(body)]) + body)

    async def packet(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE_S):
            kind, length = await self._reader.readexactly(2)
            return kind, await self._reader.readexactly(length)

    async def subscribe(self, topic: str) -> None:
        self.send(0x82, b"\x00\x01" + _text(topic).encode("latin-1") + b"\x01")
        assert await self.packet() == (0x90, b"\x00\x01\x01")

    async def publish(self, *payloads: str, topic: str = TOPIC, retain: bool = False) -> None:
        for mid, payload in enumerate(payloads, 1):
            self.send(0x32 | retain, _text(topic).encode("latin-1") + struct.pack("!H", mid) + payload.encode())
        for mid in range(1, len(payloads) + 1):
            assert await self.packet() == (0x40, struct.pack("!H", mid))

    async def hear(self, count: int) -> list[Heard]:
        heard = []
        for _ in range(count):
            kind, body = await self.packet()
            assert kind & 0xF6 == 0x32
            at = 2 + struct.unpack("!H", body[:2])[0]
            (mid,) = struct.unpack("!H", body[at : at + 2])
            heard.append(Heard(mid, body[at + 2 :], bool(kind & 8), bool(kind & 1)))
        return heard

    def acknowledge(self, *messages: Heard) -> None:
        for message in messages:
            self.send(0x40, struct.pack("!H", message.mid))

    async def is_silent(self) -> bool:
        """Tell whether nothing comes before the answer to a ping."""
        self.send(0xC0)
        return await self.packet() == (0xD0, b"")

    async def leave(self) -> None:
        self.send(0xE0)
        await self._writer.drain()
        assert await self._reader.read() == b""
        self._writer.close()

    def vanish(self) -> None:
        self._writer.transport.abort()


def _text(text: str) -> str:
    return struct.pack("!H", len(text)).decode("latin-1") + text


@pytest.fixture
async def broker() -> AsyncIterator[MqttBroker]:
    made = MqttBroker()
    await made.start()
    yield made
    await made.stop()


async def test_what_was_not_acknowledged_comes_again_marked_and_in_order_each_time(broker: MqttBroker) -> None:
    gateway, plant = await Client.connect(broker, "gateway"), await Client.connect(broker, "plant")
    await gateway.subscribe("plant/+")
    await plant.publish("a", "b", "c")
    first = await gateway.hear(3)
    assert [message.payload for message in first] == [b"a", b"b", b"c"]
    assert not any(message.is_dup for message in first)
    gateway.acknowledge(first[1])
    assert await gateway.is_silent()
    expected = [first[0]._replace(is_dup=True), first[2]._replace(is_dup=True)]
    for _ in range(2):
        gateway.vanish()
        gateway = await Client.connect(broker, "gateway")
        assert gateway.session_present
        assert await gateway.hear(2) == expected
    gateway.acknowledge(*expected)
    await gateway.leave()
    gateway = await Client.connect(broker, "gateway")
    assert await gateway.is_silent()


async def test_what_is_published_to_a_session_that_is_away_waits_and_is_not_marked_as_retained(
    broker: MqttBroker,
) -> None:
    gateway = await Client.connect(broker, "gateway")
    await gateway.subscribe(TOPIC)
    await gateway.leave()
    plant = await Client.connect(broker, "plant")
    payloads = [str(n) for n in range(WINDOW + 50)]
    await plant.publish(*payloads)
    plant.vanish()
    gateway = await Client.connect(broker, "gateway")
    heard = await gateway.hear(WINDOW)
    assert await gateway.is_silent(), "no more than the window may be unacknowledged"
    gateway.acknowledge(*heard)
    heard += await gateway.hear(50)
    assert [message.payload.decode() for message in heard] == payloads
    assert not any(message.is_dup or message.is_retained for message in heard)


async def test_a_second_connection_of_one_client_inherits_its_session(broker: MqttBroker) -> None:
    ghost, plant = await Client.connect(broker, "gateway"), await Client.connect(broker, "plant")
    await ghost.subscribe(TOPIC)
    await plant.publish("a")
    (unacknowledged,) = await ghost.hear(1)
    heir = await Client.connect(broker, "gateway")
    assert await heir.hear(1) == [unacknowledged._replace(is_dup=True)]
    await plant.publish("b")
    assert (await heir.hear(1))[0].payload == b"b", "the ghost's end must not disconnect its heir"


async def test_messages_come_while_others_subscribe(broker: MqttBroker) -> None:
    gateway, plant = await Client.connect(broker, "gateway"), await Client.connect(broker, "plant")
    await gateway.subscribe(TOPIC)

    async def crowd() -> None:
        for n in range(20):
            someone = await Client.connect(broker, f"someone-{n}")
            await someone.subscribe(f"other/{n}")

    async with asyncio.TaskGroup() as group:
        group.create_task(crowd())
        group.create_task(plant.publish(*map(str, range(WINDOW))))
    assert [message.payload.decode() for message in await gateway.hear(WINDOW)] == [str(n) for n in range(WINDOW)]


async def test_a_retained_message_meets_a_new_subscriber_as_such(broker: MqttBroker) -> None:
    plant = await Client.connect(broker, "plant")
    await plant.publish("5", retain=True)
    gateway = await Client.connect(broker, "gateway")
    await gateway.subscribe(TOPIC)
    (message,) = await gateway.hear(1)
    assert (message.payload, message.is_retained) == (b"5", True)
    await plant.publish("6", retain=True)
    (message,) = await gateway.hear(1)
    assert (message.payload, message.is_retained) == (b"6", False)


async def test_only_its_users_come_in_and_one_turned_away_may_come_again() -> None:
    broker = MqttBroker(users={"mes": "right"})
    await broker.start()
    try:
        for user in (None, ("mes", "wrong"), ("mes", "wrong"), ("you", "right")):
            assert (await Client.connect(broker, "gateway", user=user)).refusal == 5
        assert (await Client.connect(broker, "gateway", user=("mes", "right"))).refusal == 0
    finally:
        await broker.stop()


async def test_severed_clients_find_their_session_again(broker: MqttBroker) -> None:
    gateway = await Client.connect(broker, "gateway")
    await gateway.subscribe(TOPIC)
    await broker.sever()
    with pytest.raises(asyncio.IncompleteReadError):
        await gateway.packet()
    assert (await Client.connect(broker, "gateway")).session_present


async def test_one_can_wait_for_the_first_subscriber(broker: MqttBroker) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(broker.subscribed("plant/press/data"))
        gateway = await Client.connect(broker, "gateway")
        await gateway.subscribe("other")
        assert not waiting.done()
        await gateway.subscribe("plant/+/data")
    await asyncio.wait_for(broker.subscribed("plant/press/data"), PATIENCE_S)


async def test_a_taken_port_is_an_os_error(broker: MqttBroker) -> None:
    other = MqttBroker(port=broker.port)
    with pytest.raises(OSError, match=r"in use|10048"):
        await other.start()
    await other.stop()


async def test_stopping_hangs_up_on_everybody_and_frees_the_port(broker: MqttBroker) -> None:
    clients = [await Client.connect(broker, f"client-{n}") for n in range(3)]
    half = await asyncio.open_connection(broker.host, broker.port)
    async with asyncio.timeout(PATIENCE_S):
        await broker.stop()
        await broker.stop()
    for client in clients:
        with pytest.raises(asyncio.IncompleteReadError):
            await client.packet()
    half[1].close()
    await broker.start()
    assert not (await Client.connect(broker, "client-0")).session_present
    with contextlib.suppress(OSError):
        await half[1].wait_closed()
