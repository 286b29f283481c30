"""The gateway's memory at 10,000 tags a second, every sample kept and brought to rows: the most it took, and its trend.

The daemon as it is installed, Modbus servers, a real cloud and PostgreSQL. A minute by default, which tells the
height; whether it is flat an hour tells: BENCH_SECONDS=3600. The baseline of the ratio is the daemon after its first
minute (or a quarter of the run, where that is shorter).
"""

import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.modbus_durable import FLOATS, serve
from simulators.demo.cloud import STORED
from simulators.demo.stack import Stack
from simulators.demo.workspace import Ports, Workspace

LINES, UNITS = 4, 41
TAGS = LINES * UNITS * FLOATS
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
# what is asked: a height, and what may still be called flat
AT_MOST_MB, FLAT_MB_AN_HOUR = 150.0, 3.0
_MB = 1024 * 1024


def configuration(stack: Stack, port: int) -> Path:
    """Write a configuration of 162 meters with 62 floats each."""
    tags = "\n".join(f"      v{n}: {{register: holding {2 * n}, type: float32}}" for n in range(FLOATS))
    devices = "\n".join(
        f"  - {{name: meter-{line}-{unit}, use: meter, on: line-{line}, unit: {unit}}}"
        for line in range(LINES)
        for unit in range(1, UNITS + 1)
    )
    lines = "\n".join(f"  line-{line}: {{modbus: tcp, host: 127.0.0.1, port: {port}}}" for line in range(LINES))
    file = stack.workspace.root / "edge.yaml"
    file.write_text(
        f"""version: 1
gateway: {{id: demo-hall}}
cloud: {{url: "http://127.0.0.1:${{env:DEMO_API_PORT}}", token: "${{env:DEMO_GATEWAY_TOKEN}}"}}
buffer: {{path: buffer.db, max_size: 4 GB}}
health: {{listen: "127.0.0.1:${{env:DEMO_HEALTH_PORT}}"}}
defaults: {{every: 1s, publish: {{on: sample}}}}
templates:
  meter:
    protocol: modbus
    tags:
{tags}
connections:
{lines}
devices:
{devices}
""",
        encoding="utf-8",
    )
    return file


def measure(stack: Stack) -> bool:
    """Watch the daemon, print the figures, and return whether what is asked was held."""
    process = psutil.Process(stack.child("gateway").pid)
    before, started = stack.cloud.metrics().value(STORED), time.monotonic()
    marks: list[tuple[float, float]] = []
    told = 0.0
    while (now := time.monotonic() - started) < SECONDS:
        marks.append((now, process.memory_info().rss / _MB))
        if now >= told:
            print(f"  {now:6.0f} s  {marks[-1][1]:6.1f} MB", flush=True)
            told += max(10.0, SECONDS / 20)
        time.sleep(1)
    stored = (stack.cloud.metrics().value(STORED) - before) / now
    warm = min(60.0, SECONDS / 4)
    settled = [(at, size) for at, size in marks if at >= warm]
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope * 3600
    most, first = max(size for _, size in marks), settled[0][1]
    waiting = stack.health()["buffer"]["rows"]
    print(f"{TAGS:,} tags, {stored:,.0f} readings/s stored in {now:,.0f} s, {waiting:,} waiting at the end")
    verdict = "held" if most < AT_MOST_MB else "MISSED"
    print(f"most {most:.1f} MB   target < {AT_MOST_MB:g} MB: {verdict}")
    print(f"ratio {most / first:.2f} of what it was after {warm:.0f} s")
    is_flat = slope < FLAT_MB_AN_HOUR
    if SECONDS < 1800:
        print(f"trend {slope:+.1f} MB an hour (too short a run for a verdict; BENCH_SECONDS=3600 gives one)")
        return most < AT_MOST_MB
    print(f"trend {slope:+.2f} MB an hour   target < {FLAT_MB_AN_HOUR:g}: {'held' if is_flat else 'MISSED'}")
    return most < AT_MOST_MB and is_flat


def main() -> int:
    """Start everything, watch, and stop."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, None), daemon=True)
    server.start()
    root = Path(tempfile.mkdtemp(prefix="tezgah-bench-"))
    workspace = Workspace(root)
    try:
        with Stack(workspace, Ports.free(), machines_of_each=1) as stack:
            stack.start_cloud()
            stack.start_gateway(configuration(stack, ours.recv()))
            return int(not measure(stack))
    finally:
        server.kill()
        server.join()
        workspace.release()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
