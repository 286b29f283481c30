"""The whole way, Modbus register to PostgreSQL row, on this machine's cores: rate, backlog, lag, CPU by side.

Forty units with 62 float32 each on four connections, every sample kept and sent; a raw socket (`modbus_durable`)
answers, for a simulator in Python would be the limit. Gateway, API, rollups and PostgreSQL are what is installed, with
their defaults, as processes of their own, and share the cores with that socket. Asked are 120,000 readings a second
for a minute with a backlog that does not grow, and 7 CPU seconds per million for everything together. The ratio is of
what was stored to what was asked of the units in the same time: 1.00 means that nothing lags behind.

`BENCH_SECONDS` (60) is how long it is measured, `BENCH_RATE` (130000) how much is asked of the units.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bench import modbus_durable as units
from bench.served import Served, cpu_of, free_port, served
from bench.verdict import Verdicts
from simulators.demo.cloud import LAG, STORED, Metrics, quantile

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
RATE = float(os.environ.get("BENCH_RATE", "130000"))
AT_LEAST, AT_MOST_CPU, AT_MOST_GROWTH = 120_000, 7.0, 0.01
TAGS = units.CONNECTIONS * units.UNITS * units.FLOATS


def configuration(root: Path, cloud: Served, token: str, modbus: int, health: int) -> Path:
    """Write the gateway's configuration."""
    (root / "token").write_text(token)
    every_us = round(TAGS / RATE * 1e6)
    lines = [
        "version: 1",
        "gateway: {id: bench}",
        f"cloud: {{url: 'http://127.0.0.1:{cloud.port}', token: '${{file:{root / 'token'}}}'}}",
        f"buffer: {{path: '{root / 'buffer.db'}', max_size: 4 GB, keep_free: 100 MB}}",
        f"health: {{listen: '127.0.0.1:{health}'}}",
        f"defaults: {{every: {every_us}us, publish: {{on: sample}}}}",
        "connections:",
        *[f"  line-{n}: {{modbus: tcp, host: 127.0.0.1, port: {modbus}}}" for n in range(units.CONNECTIONS)],
        "templates:",
        "  meter:",
        "    protocol: modbus",
        "    tags:",
        *[f"      v{n}: {{register: holding {2 * n}, type: float32}}" for n in range(units.FLOATS)],
        "devices:",
        *[
            f"  - {{name: meter-{n}-{unit}, use: meter, on: line-{n}, unit: {unit}}}"
            for n in range(units.CONNECTIONS)
            for unit in range(1, units.UNITS + 1)
        ],
    ]
    file = root / "edge.yaml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@contextmanager
def answering() -> Iterator[tuple[int, psutil.Process]]:
    """Have somebody answer Modbus requests; gives the port and the process."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=units.serve, args=(theirs, None), daemon=True)
    process.start()
    try:
        yield ours.recv(), psutil.Process(process.pid)
    finally:
        process.kill()
        process.join()


@contextmanager
def gateway(config: Path, health: int) -> Iterator[psutil.Process]:
    """Run the daemon; gives its process when it is connected."""
    environment = os.environ | {"TEZGAH_EDGE_LOG_LEVEL": "error"}
    process = subprocess.Popen([sys.executable, "-m", "edge", "run", str(config)], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not _is_connected(health):
            assert process.poll() is None, "the gateway did not start"
            assert time.monotonic() < deadline, "the gateway is not connected"
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def health_of(port: int) -> Mapping[str, object]:
    """Return what the gateway says of itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        return json.load(answer)


def _is_connected(port: int) -> bool:
    with suppress(OSError):
        return all(each["state"] == "up" for each in health_of(port)["connections"])
    return False


def figures_of(cloud: Served) -> Metrics:
    """Return what the cloud counts."""
    with urllib.request.urlopen(f"http://127.0.0.1:{cloud.port}/metrics", timeout=10) as answer:
        return Metrics(answer.read().decode())


def measure(cloud: Served, daemon: psutil.Process, source: psutil.Process, health: int) -> int:
    """Let it run, print the figures, and return the exit code."""

    def used() -> dict[str, float]:
        return {"edge": cpu_of(daemon), **cloud.cpu(), "(units)": cpu_of(source)}

    depths: list[int] = []
    before, cpu, started = figures_of(cloud), used(), time.monotonic()
    while time.monotonic() - started < SECONDS:
        time.sleep(0.5)
        depths.append(health_of(health)["buffer"]["rows"])
    after, spent = figures_of(cloud), {side: seconds - cpu[side] for side, seconds in used().items()}
    elapsed = time.monotonic() - started
    stored = after.value(STORED) - before.value(STORED)
    third = max(1, len(depths) // 3)
    growth = (sum(depths[-third:]) - sum(depths[:third])) / third / (elapsed * 2 / 3)
    lags = before.buckets(LAG), after.buckets(LAG)
    rate = stored / elapsed
    print(f"asked of the units {RATE:>10,.0f} readings/s, stored {rate:,.0f}: ratio {rate / RATE:.3f}")
    print(f"backlog {depths[-1]:,} readings at the end, {max(depths):,} at most, growing by {growth:,.0f} a second")
    print(f"lag     p50 {quantile(*lags, 0.5):.2f} s   p99 {quantile(*lags, 0.99):.2f} s")
    for side, seconds in spent.items():
        print(f"CPU     {side:<11} {seconds / elapsed:5.2f} cores   {seconds / stored * 1e6:6.2f} s a million readings")
    whole = sum(seconds for side, seconds in spent.items() if side != "(units)")
    asked = Verdicts()
    asked.at_least(f"register to row, for {elapsed:.0f} s", rate, AT_LEAST, " readings/s")
    asked.at_most("growth of the backlog, of what is read", growth / RATE, AT_MOST_GROWTH)
    asked.at_most("CPU of edge, cloud and PostgreSQL", whole / stored * 1e6, AT_MOST_CPU, " s a million")
    return asked.exit_code()


def main() -> int:
    """Run everything and measure; the exit code tells whether what is asked was reached."""
    with (
        served() as cloud,
        tempfile.TemporaryDirectory(prefix="tz-bench-") as directory,
        answering() as (modbus, source),
    ):
        [token] = cloud.register(["bench"])
        health = free_port()
        config = configuration(Path(directory), cloud, token, modbus, health)
        with gateway(config, health) as daemon:
            time.sleep(5)  # tags, partitions, caches
            return measure(cloud, daemon, source, health)


if __name__ == "__main__":
    sys.exit(main())
