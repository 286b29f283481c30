"""MQTT: what one message costs the gateway, by this driver and by paho as people have it, on the same messages.

The broker is a raw socket in a process of its own that sends QoS 1 messages of four values as fast as they are
acknowledged, at most 1,000 ahead, so that the client is the limit; then Mosquitto, where it is installed, fed by
a raw publisher. paho runs on its own thread, acknowledges at once and leaves the payload undecoded; this driver
decodes, and acknowledges 3 ms later, as after a commit. CPU is the client's process alone.
"""

import asyncio
import importlib.util
import multiprocessing
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.clock import SystemClock
from edge.drivers.mqtt import SPEC
from edge.drivers.spec import Point

MESSAGES = 60_000
AHEAD = 1_000
COMMIT_S = 0.003
TOPIC = b"plant/press/data"
PAYLOAD = b'{"t":1795176000123,"a":12.5,"b":3,"c":true,"d":99.25}'
VALUES = 4
SINGLE = b'{"t":1795176000123,"v":12.5}'
MOSQUITTO = shutil.which(
    "mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind, len(body)]) + body


def _flood(connection: socket.socket, version: int, payload: bytes) -> None:
    """Send numbered messages, a thousand ahead of the PUBACKs that come back, until the other side goes."""
    head = struct.pack("!H", len(TOPIC)) + TOPIC
    tail = (b"\0" if version == 5 else b"") + payload
    ahead = mid = 0
    while True:
        count = min(AHEAD - ahead, 200)
        burst = [_packet(0x32, head + struct.pack("!H", (mid + n) % 65535 + 1) + tail) for n in range(count)]
        connection.sendall(b"".join(burst))
        mid, ahead = mid + count, ahead + count
        acknowledged = connection.recv(65536) if ahead == AHEAD else b""
        if ahead == AHEAD and not acknowledged:
            return
        # a PUBACK has four bytes; a ping between them does not matter here
        ahead -= len(acknowledged) // 4


def serve_canned(pipe: Connection, payload: bytes = PAYLOAD) -> None:
    """Greet, grant, and send."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                try:
                    # name and level of the protocol come first in CONNECT
                    version = connection.recv(4096).split(b"MQTT")[1][0]
                    empty = b"\0" if version == 5 else b""
                    connection.sendall(_packet(0x20, b"\0\0" + empty))
                    subscribe = connection.recv(4096)
                    connection.sendall(_packet(0x90, subscribe[2:4] + empty + b"\1"))
                    _flood(connection, version, payload)
                except OSError:
                    continue


def publish_raw(port: int, payload: bytes = PAYLOAD) -> None:
    """Feed a real broker as the canned one feeds its client."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(_packet(0x10, b"\0\4MQTT\4\2\0\x3c\0\3pub"))
        connection.recv(4)
        _flood(connection, 3, payload)


async def with_driver(port: int, version: int) -> tuple[float, float]:
    """Return messages a second and CPU microseconds a message of this project's driver."""
    tags = {name: {"json": f"$.{name}"} for name in "abcd"}
    ts = {"path": "$.t", "format": "unix_ms"}
    device = SPEC.device.model_validate({"name": "press", "on": "b", "topic": TOPIC.decode(), "ts": ts, "tags": tags})
    connection = {"mqtt": f"mqtt://127.0.0.1:{port}", "client_id": f"bench-driver-{version}", "version": version}
    points = [Point("press", name, 1.0, device, tag) for name, tag in device.tags.items()]
    driver = SPEC.build("b", SPEC.connection.model_validate(connection), points, SystemClock())
    loop = asyncio.get_running_loop()
    await driver.open()
    count, cpu, wall = 0, time.process_time(), time.perf_counter()
    async for sample in driver.samples():
        count += len(sample.readings) // VALUES
        if sample.receipt is not None:
            loop.call_later(COMMIT_S, driver.acknowledge, [sample.receipt])
        if count >= MESSAGES:
            break
    took = time.perf_counter() - wall, time.process_time() - cpu
    await driver.close()
    return count / took[0], took[1] / count * 1e6


def with_paho(port: int, version: int) -> tuple[float, float]:
    """Return messages a second and CPU microseconds a message of paho with its thread."""
    protocol = MQTTProtocolVersion.MQTTv5 if version == 5 else MQTTProtocolVersion.MQTTv311
    client = paho.Client(CallbackAPIVersion.VERSION2, f"bench-paho-{version}", protocol=protocol, manual_ack=True)
    count, enough = 0, threading.Event()

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        nonlocal count
        count += 1
        client.ack(message.mid, 1)
        if count == MESSAGES:
            enough.set()

    client.on_message = on_message
    client.on_connect = lambda *_: client.subscribe(TOPIC.decode(), 1)
    client.connect("127.0.0.1", port)
    cpu, wall = time.process_time(), time.perf_counter()
    client.loop_start()
    enough.wait()
    took = time.perf_counter() - wall, time.process_time() - cpu
    client.disconnect()
    client.loop_stop()
    return count / took[0], took[1] / count * 1e6


def compare(port: int) -> None:
    """Measure and print both, for both versions of the protocol."""
    for version in (3, 5):
        baseline = with_paho(port, version)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            ours = runner.run(with_driver(port, version))
        print(f"  version {version}: paho   {baseline[0]:8,.0f} messages/s  {baseline[1]:5.1f} us CPU a message")
        print(
            f"             driver {ours[0]:8,.0f} messages/s  {ours[1]:5.1f} us CPU a message, decoded"
            f"  {baseline[1] / ours[1]:.1f} x paho"
        )


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - not there on Windows

    return uvloop.new_event_loop


def main() -> None:
    """Measure and print."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe()
    canned = spawn.Process(target=serve_canned, args=(theirs,), daemon=True)
    canned.start()
    print(f"canned broker, {VALUES} values a message:")
    compare(ours.recv())
    canned.kill()
    if MOSQUITTO is None:
        print("mosquitto is not installed: not measured")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "mosquitto.conf"
        configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        broker = subprocess.Popen([MOSQUITTO, "-c", str(configuration)], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        publisher = spawn.Process(target=publish_raw, args=(port,), daemon=True)
        publisher.start()
        print("mosquitto with a raw publisher on the same machine:")
        compare(port)
        publisher.kill()
        broker.terminate()
        broker.wait()


if __name__ == "__main__":
    main()
