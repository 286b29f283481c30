"""A simulated Sparkplug B edge node: births, data under aliases, deaths, and holes in its numbering on command.

It encodes by itself, from the specification, so that a host application is held to that and not to its own mistakes.
"""

import asyncio
import contextlib
import socket
import struct
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

_CONNECT_S = 5.0
INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64 = range(1, 9)
FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME, TEXT, UUID, DATASET = range(9, 17)
_REBIRTH = "Node Control/Rebirth"


@dataclass(frozen=True, slots=True)
class Table:
    """A data set: names and types of its columns, and rows."""

    columns: Mapping[str, int]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Said:
    """One value of a metric.

    Attributes:
        name: None to send the alias alone.
        quality: The property `Quality`; None sends none.
    """

    name: str | None
    datatype: int
    value: object
    alias: int | None = None
    ts_ms: int | None = None
    is_historical: bool = False
    quality: int | None = None


def payload(metrics: Sequence[Said], *, seq: int | None, ts_ms: int) -> bytes:
    """Encode a payload (Sparkplug 3.0, 6.4.1)."""
    body = _uint(1, ts_ms) + b"".join(_block(2, _metric(metric, ts_ms)) for metric in metrics)
    return body + (b"" if seq is None else _uint(3, seq))


def _metric(said: Said, ts_ms: int) -> bytes:
    out = b"" if said.name is None else _block(1, said.name.encode())
    out += b"" if said.alias is None else _uint(2, said.alias)
    out += _uint(3, ts_ms if said.ts_ms is None else said.ts_ms) + _uint(4, said.datatype)
    out += _uint(5, 1) if said.is_historical else b""
    if said.quality is not None:
        out += _block(9, _block(1, b"Quality") + _block(2, _uint(1, INT32) + _uint(3, said.quality)))
    return out + (_uint(7, 1) if said.value is None else _value(said.datatype, said.value, 10))


def _value(datatype: int, value: object, first: int) -> bytes:
    """Encode a value; `first` is the number of `int_value` in the message that holds it."""
    if isinstance(value, Table):
        return _table(value)
    if isinstance(value, bytes | str):
        data = value.encode() if isinstance(value, str) else value
        return _block(first + (5 if isinstance(value, str) else 6), data)
    if datatype in {FLOAT, DOUBLE} and isinstance(value, float | int):
        form, wire, place = ("<f", 5, 2) if datatype == FLOAT else ("<d", 1, 3)
        return _key(first + place, wire) + struct.pack(form, value)
    assert isinstance(value, int), f"{value!r} is no value of type {datatype}"  # noqa: S101
    if datatype == BOOLEAN:
        return _uint(first + 4, int(value))
    is_long = datatype in {INT64, UINT64, DATETIME}
    return _uint(first + is_long, value & (0xFFFF_FFFF_FFFF_FFFF if is_long else 0xFFFF_FFFF))


def _table(table: Table) -> bytes:
    names = b"".join(_block(2, name.encode()) for name in table.columns)
    kinds = list(table.columns.values())
    types = b"".join(_uint(3, kind) for kind in kinds)
    rows = b"".join(
        _block(4, b"".join(_block(1, _value(kind, cell, 1)) for kind, cell in zip(kinds, row, strict=True)))
        for row in table.rows
    )
    return _block(17, _uint(1, len(kinds)) + names + types + rows)


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _uint(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value)


def _block(number: int, data: bytes) -> bytes:
    return _key(number, 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


class SparkplugNode:
    """An edge node with devices; every method that publishes returns when the message is on its way.

    Attributes:
        rebirths: How often it was asked for its birth.
    """

    def __init__(self, group: str, node: str, *, host: str = "127.0.0.1", port: int = 1883, obeys: bool = True) -> None:
        """Prepare a node; "" names its own metrics where a device is asked for.

        Args:
            group: Its group.
            node: Its name there.
            host: The broker's address.
            port: The broker's port.
            obeys: Be born again when asked, at once; else when `asked` is called.
        """
        self.port = port
        self.rebirths = 0
        self._group = group
        self._node = node
        self._host = host
        self._bd_seq = -1
        self._seq = 0
        self._aliases: dict[tuple[str, str], int] = {}
        self._metrics: dict[str, dict[str, Said]] = {"": {}}
        self._client: paho.Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._obeys = obeys
        # from its birth until it ends, lost connections in between
        self._lives = False
        self._asked = asyncio.Event()
        self._granted = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether what it says reaches the broker."""
        return self._client is not None and self._client.is_connected()

    def define(self, device: str, metrics: Mapping[str, tuple[int, object]], *, ts_ms: int | None = None) -> None:
        """Give a device (or the node itself, "") metrics: name to type and first value; told with the next birth."""
        for name, (datatype, value) in metrics.items():
            alias = self._aliases.setdefault((device, name), len(self._aliases) + 1)
            self._metrics.setdefault(device, {})[name] = Said(name, datatype, value, alias, ts_ms)

    def renumber(self) -> None:
        """Give every metric another alias; told with the next birth, after which the old ones mean nothing."""
        last = max(self._aliases.values(), default=0)
        self._aliases = {key: last + alias for key, alias in self._aliases.items()}
        for device, metrics in self._metrics.items():
            for name, said in metrics.items():
                metrics[name] = replace(said, alias=self._aliases[device, name])

    async def start(self) -> None:
        """Connect with a death as will, and be born, devices and all.

        Raises:
            OSError: No broker answers.
        """
        self._loop = loop = asyncio.get_running_loop()
        self._bd_seq = (self._bd_seq + 1) % 256
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"tezgah-node-{uuid.uuid4().hex[:8]}")
        client.connect_timeout = _CONNECT_S
        client.will_set(self._topic("NDEATH"), self._death(), qos=1)
        command = self._topic("NCMD")

        # all are called on paho's thread
        def on_connect(*_: object) -> None:
            client.subscribe(command, 1)
            if self._lives:
                # it was lost in between, and paho has connected again
                loop.call_soon_threadsafe(self._bear)

        def on_disconnect(*_: object) -> None:
            if self._lives:
                # the next life has a number of its own, in its will too
                self._bd_seq = (self._bd_seq + 1) % 256
                client.will_set(self._topic("NDEATH"), self._death(), qos=1)

        def on_subscribe(*_: object) -> None:
            loop.call_soon_threadsafe(self._granted.set)

        def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
            if _REBIRTH.encode() in message.payload:
                loop.call_soon_threadsafe(self._on_rebirth)

        client.on_connect = on_connect
        client.on_disconnect = on_disconnect
        client.reconnect_delay_set(1, 2)
        client.on_subscribe = on_subscribe
        client.on_message = on_message
        await asyncio.to_thread(client.connect, self._host, self.port)
        client.loop_start()
        self._client = client
        await self._until_granted()
        await self.be_born()
        self._lives = True

    async def stop(self) -> None:
        """Die in order: say so, and disconnect."""
        if self._client is not None:
            self._publish(self._topic("NDEATH"), self._death())
            await self._end()

    async def vanish(self) -> None:
        """Hang up without a word, so that the broker publishes the death."""
        self._lives = False
        client = self._client
        if client is not None:
            sock = client.socket()
            self._client = None
            await asyncio.to_thread(client.loop_stop)
            if sock is not None:
                sock.close()

    async def be_born(self) -> None:
        """Publish the births of the node and of each device."""
        self._bear()
        if self._client is not None:
            # the broker grants what was asked after the births once it has dealt with those
            self._client.subscribe(self._topic("NCMD"), 1)
            await self._until_granted()

    async def say(
        self,
        device: str,
        values: Mapping[str, object],
        *,
        ts_ms: int | None = None,
        is_historical: bool = False,
        quality: int | None = None,
        datatype: int | None = None,
    ) -> None:
        """Publish values under their aliases; with another type than they were born with if one is given."""
        said = []
        for name, value in values.items():
            before = self._metrics[device][name]
            if datatype is None:
                self._metrics[device][name] = Said(name, before.datatype, value, before.alias, ts_ms, quality=quality)
            kind = before.datatype if datatype is None else datatype
            said.append(Said(None, kind, value, before.alias, ts_ms, is_historical, quality))
        self._say("DDATA" if device else "NDATA", device, said)

    async def say_raw(self, kind: str, device: str, body: bytes) -> None:
        """Publish anything at all under a topic of this node's."""
        self._publish(self._topic(kind, device), body)

    async def bear(self, device: str) -> None:
        """Publish a device's birth."""
        self._say("DBIRTH", device, list(self._metrics[device].values()))

    def cut(self) -> None:
        """Break the connection as a network would; paho connects again by itself, and the node is born again."""
        sock = self._client.socket() if self._client is not None else None
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    async def let_die(self, device: str) -> None:
        """Publish a device's death."""
        self._say("DDEATH", device, [])

    def lose(self, messages: int = 1) -> None:
        """Count messages that are never sent: a hole."""
        self._seq = (self._seq + messages) % 256

    async def asked(self) -> None:
        """Wait until somebody asks for the birth, and see that it is given."""
        await self._asked.wait()
        self._asked.clear()
        if not self._obeys:
            await self.be_born()

    def _bear(self) -> None:
        self._seq = 0
        own = [Said("bdSeq", INT64, self._bd_seq), Said(_REBIRTH, BOOLEAN, value=False), *self._metrics[""].values()]
        self._say("NBIRTH", "", own)
        for device, metrics in self._metrics.items():
            if device:
                self._say("DBIRTH", device, list(metrics.values()))

    async def _until_granted(self) -> None:
        async with asyncio.timeout(_CONNECT_S):
            await self._granted.wait()
        self._granted.clear()

    def _on_rebirth(self) -> None:
        self.rebirths += 1
        self._asked.set()
        if self._obeys and self._client is not None:
            self._bear()

    def _death(self) -> bytes:
        return payload([Said("bdSeq", INT64, self._bd_seq)], seq=None, ts_ms=_now_ms())

    def _topic(self, kind: str, device: str = "") -> str:
        return f"spBv1.0/{self._group}/{kind}/{self._node}" + (f"/{device}" if device else "")

    def _say(self, kind: str, device: str, metrics: Sequence[Said]) -> None:
        body = payload(metrics, seq=self._seq, ts_ms=_now_ms())
        self._seq = (self._seq + 1) % 256
        self._publish(self._topic(kind, device), body)

    def _publish(self, topic: str, body: bytes) -> None:
        assert self._client is not None, "start it first"  # noqa: S101
        # all but a death goes with QoS 0 (Sparkplug 3.0, 6.4)
        self._client.publish(topic, body, qos=0)

    async def _end(self) -> None:
        self._lives = False
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(ValueError):
                client.disconnect()
            await asyncio.to_thread(client.loop_stop)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
