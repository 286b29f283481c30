"""OPC UA, durable: 5,000 tags subscribed, through driver, station and shaping into SQLite, against bare asyncua.

The server in its own process is asyncua's for everything but publishing: it answers publish requests from raw bytes, so
that it is never the limit. It either says as much as is asked for, or a given number of values a second; what a client
has not fetched when a tag has 100 values waiting is dropped, oldest first, and counts as lost. Every value differs, so
that nothing is left out as unchanged. CPU is the client's process alone, its SQLite thread included.
"""

import asyncio
import importlib.util
import logging
import multiprocessing
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from asyncua import Client, Server, ua
from asyncua.server import binary_server_asyncio
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_to_binary

from edge.acquisition.station import Station
from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from edge.drivers.opcua import SPEC
from edge.drivers.opcua.config import OpcUaDevice, OpcUaTag
from edge.drivers.spec import Point
from shared import logs

TAGS = 5_000
SECONDS = 8.0
TARGET = 70_000
# CPU seconds a million values, at the target
AT_MOST_CPU_S = 10.0
SHARE = 0.6
# values of one tag that the server keeps, and values of one answer
QUEUE, DENSE = 100, 10_000
TICK_S = 0.05
EPOCH_TICKS = 116_444_736_000_000_000
# handle, mask (value, source, server), type double, value, both times: OPC UA Part 6, 5.2.2.17
ITEM = np.dtype(
    [("handle", "<u4"), ("mask", "u1"), ("kind", "u1"), ("value", "<f8"), ("source", "<i8"), ("server", "<i8")]
)
# what stands behind the response header of an answer that says nothing
EMPTY_BODY = 33


class Source:
    """What there is to say: `rate` values a second for `SECONDS` from the first request on, or without end."""

    def __init__(self, rate: float | None, first_handle: int) -> None:
        self.rate = rate
        self.sent = self.dropped = 0
        self._first = first_handle
        self._began: float | None = None

    def pending(self) -> int:
        if self.rate is None:
            return DENSE
        self._began = self._began or time.monotonic()
        emitted = int(self.rate * min(time.monotonic() - self._began, SECONDS))
        waiting = emitted - self.sent - self.dropped
        self.dropped += max(0, waiting - TAGS * QUEUE)
        return min(waiting, TAGS * QUEUE)

    def items(self, count: int) -> bytes:
        number = np.arange(self.sent + self.dropped, self.sent + self.dropped + count)
        items = np.zeros(count, ITEM)
        items["handle"] = self._first + number % TAGS
        items["mask"], items["kind"] = 0x01 | 0x04 | 0x08, 11
        items["value"] = number + 1.0
        items["source"] = items["server"] = time.time_ns() // 100 + EPOCH_TICKS
        self.sent += count
        return items.tobytes()


class Paced(UaProcessor):
    """asyncua's, except for publish requests once there are items."""

    source: Source
    has_items = False
    sequence = 0
    waiting: list[tuple[int, object]]

    async def _process_message(self, typeid, requesthdr, seqhdr, body):
        if typeid == ua.NodeId(ua.ObjectIds.CreateMonitoredItemsRequest_Encoding_DefaultBinary):
            self.has_items = True
        if not self.has_items or typeid != ua.NodeId(ua.ObjectIds.PublishRequest_Encoding_DefaultBinary):
            return await super()._process_message(typeid, requesthdr, seqhdr, body)
        self._answer(requesthdr.RequestHandle, seqhdr.RequestId)
        return True

    def _answer(self, handle: int, request: int) -> None:
        pending = self.source.pending()
        # a server publishes at its interval; what is more than one answer holds comes at once
        if pending < DENSE:
            asyncio.get_running_loop().call_later(TICK_S, self._late, handle, request)
            return
        self._send(handle, request, DENSE, more=pending > DENSE)

    def _late(self, handle: int, request: int) -> None:
        if not self._transport.is_closing():
            pending = self.source.pending()
            self._send(handle, request, min(pending, DENSE), more=pending > DENSE)

    def _send(self, handle: int, request: int, count: int, *, more: bool) -> None:
        (subscription,) = self.iserver.subscription_service.subscriptions
        response = ua.PublishResponse()
        response.ResponseHeader.RequestHandle = handle
        header = struct_to_binary(response)[:-EMPTY_BODY]
        parts = b""
        if count:
            self.sequence += 1
            data = struct.pack("<i", count) + self.source.items(count) + struct.pack("<i", -1)
            # DataChangeNotification, binary (811), as an ExtensionObject
            parts = struct.pack("<BBHBi", 1, 0, 811, 1, len(data)) + data
        sequence = self.sequence if count else self.sequence + 1
        message = struct.pack("<Ii?Iqi", subscription, 0, more, sequence, 0, int(bool(count)))
        body = header + message + parts + struct.pack("<ii", -1, -1)
        self._transport.write(self._connection.message_to_binary(body, request_id=request))


def serve(rate: float | None, first_handle: int, pipe: Connection) -> None:
    """Serve until the pipe closes; a process of its own."""

    async def run() -> None:
        Paced.source = Source(rate, first_handle)
        binary_server_asyncio.UaProcessor = Paced
        server = Server()
        await server.init()
        server.set_endpoint("opc.tcp://127.0.0.1:0")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace("urn:bench")
        for n in range(TAGS):
            await server.nodes.objects.add_variable(ua.NodeId(f"v{n}", index), f"v{n}", 0.0)
        async with server:
            pipe.send(server.bserver.port)
            await asyncio.to_thread(lambda: pipe.poll(None))
            pipe.send((Paced.source.sent, Paced.source.dropped))

    logging.disable()
    asyncio.run(run())


async def durable(url: str, rate: float | None) -> int:
    """Count the values that are on disk after driver, station and shaping."""
    device = OpcUaDevice(name="press", on="plc")
    points = [Point("press", f"v{n}", 1.0, device, OpcUaTag(node=f"ns=2;s=v{n}")) for n in range(TAGS)]
    clock = SystemClock()
    driver = SPEC.build("plc", SPEC.connection.model_validate({"opcua": url, "timeout": "10s"}), points, clock)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "buffer.db"
        buffer = await SqliteBuffer.open(path, max_bytes=8 * 10**9, gateway="bench", clock=clock)
        station = Station("plc", "opcua", driver, points, buffer, clock)
        tasks = [asyncio.create_task(buffer.run()), asyncio.create_task(station.run())]
        goal = int(rate * SECONDS) if rate is not None else float("inf")
        began = None
        while began is None or time.monotonic() < began + SECONDS + (3.0 if rate is not None else 0.0):
            await asyncio.sleep(0.05)
            stored = buffer.stats().committed
            began = began or (time.monotonic() if stored else None)
            if stored >= goal:
                break
        station.finish()
        await tasks[1]
        await buffer.close()
        stored = buffer.stats().committed
        tasks[0].cancel()
        await asyncio.wait(tasks)
        return stored


async def with_callback(url: str, _rate: float | None) -> int:
    """Count the values that asyncua hands to the callback of a raw subscription, turned into lists of columns."""
    count = 0

    def take(result: ua.PublishResult) -> None:
        nonlocal count
        tags, values, times, statuses = [], [], [], []
        for part in result.NotificationMessage.NotificationData:
            for item in part.MonitoredItems:
                tags.append(item.ClientHandle)
                values.append(float(item.Value.Value.Value))
                times.append(item.Value.SourceTimestamp)
                statuses.append(item.Value.StatusCode.value)
        count += len(tags)

    async with Client(url, timeout=30) as client:
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=250, RequestedLifetimeCount=1000, RequestedMaxKeepAliveCount=10
        )
        made = await client.uaclient.create_subscription(parameters, take)
        await client.uaclient.create_monitored_items(
            ua.CreateMonitoredItemsParameters(made.SubscriptionId, ua.TimestampsToReturn.Both, _requests())
        )
        count = 0
        await asyncio.sleep(SECONDS)
        return count


async def with_handler(url: str, _rate: float | None) -> int:
    """Count the values that asyncua hands to a per-item handler, as its documentation shows."""

    class Handler:
        count = 0

        def datachange_notification(self, *_):
            self.count += 1

    async with Client(url, timeout=30) as client:
        handler = Handler()
        subscription = await client.create_subscription(250, handler)
        await subscription.subscribe_data_change([client.get_node(f"ns=2;s=v{n}") for n in range(TAGS)])
        handler.count = 0
        await asyncio.sleep(SECONDS)
        return handler.count


def _requests() -> list[ua.MonitoredItemCreateRequest]:
    items = []
    for n in range(TAGS):
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor.NodeId = ua.NodeId(f"v{n}", 2)
        item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters.ClientHandle = n + 1
        items.append(item)
    return items


@dataclass(frozen=True)
class Measured:
    """One run: values that the client has, values a second, CPU seconds a million, and what the server dropped."""

    count: int
    rate: float
    cpu_s: float
    lost: int

    def __str__(self) -> str:
        return f"{self.rate:9,.0f} values/s  {self.cpu_s:6.2f} CPU s a million  {self.lost:7,} lost"


def measure(
    read: Callable[[str, float | None], Coroutine[None, None, int]], first_handle: int, rate: float | None
) -> Measured:
    """Run one way against a new server."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(rate, first_handle, theirs), daemon=True)
    server.start()
    try:
        url = f"opc.tcp://127.0.0.1:{ours.recv()}"
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            cpu, wall = time.process_time(), time.perf_counter()
            count = runner.run(read(url, rate))
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        ours.send("end")
        sent, dropped = ours.recv()
        lost = dropped + max(0, sent - count) if rate is not None else 0
        # 5,000 items are made first, which is no part of a rate
        seconds = SECONDS if rate is None else max(SECONDS, count / rate)
        return Measured(count, count / min(wall, seconds), cpu / max(1, count) * 1e6, lost)
    finally:
        server.kill()
        server.join()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - not there on Windows

    return uvloop.new_event_loop


def main() -> int:
    """Measure bare asyncua at its limit, then the durable path at its limit, at the target and at 60 % of asyncua's.

    Returns:
        The exit code: 0 if what is asked was reached.
    """
    logs.configure("console", "ERROR")
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    handler = measure(with_handler, 201, None)
    print(f"bare asyncua, handler       as fast as it goes  {handler}")
    callback = measure(with_callback, 1, None)
    print(f"bare asyncua, raw callback  as fast as it goes  {callback}")
    limit = measure(durable, 0, None)
    print(
        f"durable, {TAGS:,} tags       as fast as it goes  {limit}  x{limit.rate / callback.rate:.1f} of the callback"
    )
    is_reached = True
    for rate, label in ((TARGET, "the target"), (callback.rate * SHARE, f"{SHARE:.0%} of the callback")):
        run = measure(durable, 0, rate)
        verdict = "no loss" if not run.lost and run.count >= rate * SECONDS * 0.999 else "LOSS"
        print(f"durable, {TAGS:,} tags  {rate:9,.0f}/s, {label}: {run}  {verdict}")
        is_cheap = rate != TARGET or run.cpu_s <= AT_MOST_CPU_S
        is_reached &= verdict == "no loss" and is_cheap
    said = "reached" if is_reached else "MISSED"
    asked = f"no loss at {TARGET:,}/s and at {SHARE:.0%} of the callback, at most {AT_MOST_CPU_S:g} CPU s a million"
    print(f"asked: {asked}: {said}")
    return int(not is_reached)


if __name__ == "__main__":
    sys.exit(main())
