"""OPC UA: what one value costs the gateway, by this driver and by asyncua's own two ways, on the same answers.

The server in its own process is asyncua's, except that it answers every publish request at once with the same 10,000
values (under a new sequence number), for its own 20,000 writes a second would be the limit measured. CPU is the
client's process alone. `sparse` repeats it with 100 values an answer.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import struct
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from multiprocessing.connection import Connection

from asyncua import Client, Server, ua
from asyncua.server import binary_server_asyncio
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_to_binary

from edge.clock import SystemClock
from edge.drivers.opcua.config import OpcUaConnection, OpcUaDevice, OpcUaTag
from edge.drivers.opcua.driver import OpcUaDriver
from edge.drivers.spec import NOWHERE, Point

TAGS = 200
SECONDS = 3.0
DENSE, SPARSE = 10_000, 100
# a number found nowhere else in an answer, where the real one is put
MARK = 0x7A7B7C7D


class Answers:
    """One publish response, encoded once; each copy gets its own handle and sequence number."""

    def __init__(self, values: int, subscription: int, first_handle: int) -> None:
        kinds = (ua.VariantType.Double, ua.VariantType.Int32, ua.VariantType.Boolean)
        convert = (float, int, bool)
        response = ua.PublishResponse()
        response.ResponseHeader.RequestHandle = MARK
        response.Parameters.SubscriptionId = subscription
        response.Parameters.MoreNotifications = False
        response.Parameters.NotificationMessage.SequenceNumber = MARK
        now = datetime.now(UTC)
        response.Parameters.NotificationMessage.NotificationData = [
            ua.DataChangeNotification(
                MonitoredItems=[
                    ua.MonitoredItemNotification(
                        first_handle + n % TAGS,
                        ua.DataValue(ua.Variant(convert[n % 3](n), kinds[n % 3]), SourceTimestamp=now),
                    )
                    for n in range(values)
                ]
            )
        ]
        encoded = struct_to_binary(response)
        mark = struct.pack("<I", MARK)
        self._head, self._middle, self._tail = encoded.split(mark, 2)
        self._sequence = 0

    def next(self, handle: int) -> bytes:
        self._sequence += 1
        return b"".join(
            (self._head, struct.pack("<I", handle), self._middle, struct.pack("<I", self._sequence), self._tail)
        )


class Eager(UaProcessor):
    """asyncua's, except for publish requests once there are items."""

    values = DENSE
    first_handle = 0
    has_items = False
    answers: Answers | None = None

    async def _process_message(self, typeid, requesthdr, seqhdr, body):
        if typeid == ua.NodeId(ua.ObjectIds.CreateMonitoredItemsRequest_Encoding_DefaultBinary):
            self.has_items = True
        if not self.has_items or typeid != ua.NodeId(ua.ObjectIds.PublishRequest_Encoding_DefaultBinary):
            return await super()._process_message(typeid, requesthdr, seqhdr, body)
        if self.answers is None:
            (number,) = self.iserver.subscription_service.subscriptions
            type(self).answers = Answers(self.values, number, self.first_handle)
        self._transport.write(
            self._connection.message_to_binary(self.answers.next(requesthdr.RequestHandle), request_id=seqhdr.RequestId)
        )
        return True


def serve(values: int, first_handle: int, pipe: Connection) -> None:
    """Serve until the pipe closes; a process of its own."""

    async def run() -> None:
        Eager.values, Eager.first_handle = values, first_handle
        binary_server_asyncio.UaProcessor = Eager
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

    logging.disable()
    asyncio.run(run())


async def with_driver(url: str) -> int:
    """Count the values that this project's driver yields."""
    device = OpcUaDevice(name="press", on="plc", tags={})
    points = [Point("press", f"v{n}", 1.0, device, OpcUaTag(node=f"ns=2;s=v{n}")) for n in range(TAGS)]
    driver = OpcUaDriver("plc", OpcUaConnection(opcua=url), points, SystemClock(), NOWHERE)
    await driver.open()
    count, end = 0, time.monotonic() + SECONDS
    async for sample in driver.samples():
        driver.acknowledge([sample.receipt])
        count += len(sample.readings)
        if time.monotonic() > end:
            break
    await driver.close()
    return count


async def with_callback(url: str) -> int:
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

    async with Client(url) as client:
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=250, RequestedLifetimeCount=1000, RequestedMaxKeepAliveCount=10
        )
        made = await client.uaclient.create_subscription(parameters, take)
        await client.uaclient.create_monitored_items(requests(made.SubscriptionId))
        count = 0
        await asyncio.sleep(SECONDS)
        return count


async def with_handler(url: str) -> int:
    """Count the values that asyncua hands to a per-item handler."""

    class Handler:
        count = 0

        def datachange_notification(self, *_):
            self.count += 1

    async with Client(url) as client:
        handler = Handler()
        subscription = await client.create_subscription(250, handler)
        await subscription.subscribe_data_change([client.get_node(f"ns=2;s=v{n}") for n in range(TAGS)])
        handler.count = 0
        await asyncio.sleep(SECONDS)
        return handler.count


def requests(subscription: int) -> ua.CreateMonitoredItemsParameters:
    """Ask for every value, with client handles from 1 as asyncua's own subscriptions have them."""
    items = []
    for n in range(TAGS):
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor.NodeId = ua.NodeId(f"v{n}", 2)
        item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters.ClientHandle = n + 1
        items.append(item)
    return ua.CreateMonitoredItemsParameters(subscription, ua.TimestampsToReturn.Source, items)


def measure(values: int, first_handle: int, count: Callable[[str], Coroutine[None, None, int]]) -> tuple[float, float]:
    """Return values a second and CPU microseconds a value of one way to read."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(values, first_handle, theirs), daemon=True)
    server.start()
    try:
        url = f"opc.tcp://127.0.0.1:{ours.recv()}"
        cpu, wall = time.process_time(), time.perf_counter()
        seen = asyncio.run(count(url))
        return seen / (time.perf_counter() - wall), (time.process_time() - cpu) / max(1, seen) * 1e6
    finally:
        server.kill()
        server.join()


def main() -> None:
    """Print one line a way and density, with its cost relative to this driver's."""
    logging.disable()
    # the client handle of the first item; asyncua counts on from 200
    ways = {
        "this driver": (0, with_driver),
        "asyncua callback": (1, with_callback),
        "asyncua handler": (201, with_handler),
    }
    for label, values in (("dense", DENSE), ("sparse", SPARSE)):
        base = 0.0
        for name, (first_handle, way) in ways.items():
            rate, cost = measure(values, first_handle, way)
            base = base or cost
            print(
                f"{label:7} {values:6} values an answer  {name:17} "
                f"{rate:9,.0f} values/s  {cost:6.2f} us CPU a value  x{cost / base:.1f}"
            )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
