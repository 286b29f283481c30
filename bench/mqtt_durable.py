"""MQTT, durable: messages of one JSON value, acknowledged once they are on disk, against bare paho on the same load.

The broker is the canned one of `mqtt_driver`, on raw sockets, in a process of its own. Ours is the whole way: driver,
station, shaping (every sample is kept), SQLite with fsync, and PUBACK after it. paho acknowledges by hand, at once, and
leaves the payload undecoded. Several rounds in turn, since the machine's pace changes. Then Mosquitto, where it is
installed.
"""

import asyncio
import multiprocessing
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import mqtt_driver
from bench.mqtt_driver import MOSQUITTO, TOPIC, publish_raw, serve_canned, with_paho
from edge.acquisition.station import Station
from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from edge.drivers.mqtt import SPEC
from edge.drivers.spec import Point, PublishOptions
from shared import logs

MESSAGES = 150_000
ROUNDS = 3
# what is asked
LEAST, MOST_CPU_US, LEAST_SHARE = 35_000, 26.0, 0.9


async def durable(port: int, directory: Path) -> tuple[float, float]:
    """Return messages a second and CPU microseconds a message of the whole way to the disk."""
    device = SPEC.device.model_validate(
        {
            "name": "press",
            "on": "b",
            "topic": TOPIC.decode(),
            "ts": {"path": "$.t", "format": "unix_ms"},
            "tags": {"v": {"json": "$.v"}},
        }
    )
    (tag,) = device.tags.values()
    tag = tag.model_copy(update={"publish": PublishOptions(on="sample")})
    points = [Point("press", "v", 1.0, device, tag)]
    options = SPEC.connection.model_validate({"mqtt": f"mqtt://127.0.0.1:{port}", "client_id": "bench-durable"})
    clock = SystemClock()
    buffer = await SqliteBuffer.open(directory / "buffer.db", max_bytes=2_000_000_000, gateway="bench", clock=clock)
    station = Station("b", "mqtt", SPEC.build("b", options, points, clock), points, buffer, clock)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(buffer.run())
        running = tasks.create_task(station.run())
        # what the first messages cost (imports, caches) is not counted
        while buffer.stats().committed < 2_000:  # noqa: ASYNC110 - the buffer signals nothing
            await asyncio.sleep(0.001)
        first, cpu, wall = buffer.stats().committed, time.process_time(), time.perf_counter()
        while buffer.stats().committed - first < MESSAGES:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        count = buffer.stats().committed - first
        took = time.perf_counter() - wall, time.process_time() - cpu
        station.finish()
        await running
        await buffer.close()
    return count / took[0], took[1] / count * 1e6


def compare(port: int) -> None:
    """Measure both in turn, and print medians."""
    bare: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        bare.append(with_paho(port, 3))
        with (
            tempfile.TemporaryDirectory() as directory,
            asyncio.Runner(loop_factory=mqtt_driver.loop_factory()) as runner,
        ):
            ours.append(runner.run(durable(port, Path(directory))))
    rate, cpu_us = _medians(ours)
    bare_rate, bare_cpu_us = _medians(bare)
    print(f"  bare paho, manual ack   {bare_rate:8,.0f} messages/s  {bare_cpu_us:5.1f} CPU s a million")
    print(f"  ours, on disk           {rate:8,.0f} messages/s  {cpu_us:5.1f} CPU s a million")
    print(f"  asked: {LEAST:,}/s {_met(rate >= LEAST)}, at most {MOST_CPU_US:g} CPU s {_met(cpu_us <= MOST_CPU_US)}, ")
    share = rate / bare_rate
    print(f"         at least {LEAST_SHARE:.0%} of bare paho: {share:.0%} {_met(share >= LEAST_SHARE)}")


def _medians(of: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(rate for rate, _ in of), statistics.median(cpu for _, cpu in of)


def _met(is_met: bool) -> str:
    return "(met)" if is_met else "(MISSED)"


def main() -> None:
    """Measure and print."""
    logs.configure("console", "ERROR")
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe()
    canned = spawn.Process(target=serve_canned, args=(theirs, mqtt_driver.SINGLE), daemon=True)
    canned.start()
    print("canned broker, one JSON value a message, QoS 1:")
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
        configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n")
        broker = subprocess.Popen([MOSQUITTO, "-c", str(configuration)], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        publisher = spawn.Process(target=publish_raw, args=(port, mqtt_driver.SINGLE), daemon=True)
        publisher.start()
        print("mosquitto with a raw publisher on the same machine, which takes of its processors:")
        compare(port)
        publisher.kill()
        broker.terminate()
        broker.wait()


if __name__ == "__main__":
    main()
