"""The whole way, from the simulators' protocols to PostgreSQL rows, on this machine: rate, backlog, CPU by side.

Baseline of the ratio is what the simulators said in the same time: 1.00 means that nothing lags behind. The load is
48 machines with 17 signals each: 16 on Modbus, polled every 20 ms (13,600 readings/s), 16 on OPC UA and 16 on MQTT,
twice a second each. Simulators, gateway, API and PostgreSQL share the machine's cores.
"""

import argparse
import shutil
import tempfile
import time
from importlib import resources
from pathlib import Path

import psutil

from simulators.demo.cloud import LAG, STORED, quantile
from simulators.demo.stack import Stack
from simulators.demo.workspace import Ports, Workspace

MACHINES = 16


def configuration(stack: Stack, every: str) -> Path:
    """Write the demo's configuration for more machines and a faster poll."""
    text = resources.files("simulators.demo").joinpath("edge.yaml").read_text(encoding="utf-8")
    head = text.split("\ndevices:")[0].replace("every: 500ms", f"every: {every}")
    places = {"press": ("presses", ""), "cnc": ("cnc-line", ", unit: {}"), "packer": ("broker", "")}
    lines = [
        f"  - {{name: {kind}-{number:02}, use: {kind}, on: {on}{unit.format(number)}}}"
        for kind, (on, unit) in places.items()
        for number in range(1, MACHINES + 1)
    ]
    file = stack.workspace.root / "edge.yaml"
    file.write_text(head + "\ndevices:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


class Sides:
    """CPU seconds used so far by each side of the walk."""

    def __init__(self, stack: Stack) -> None:
        data = str(stack.workspace.root / "cloud")
        self._sides = {name: [psutil.Process(stack.child(name).pid)] for name in ("simulators", "gateway", "cloud")}
        self._sides["cloud"] += self._sides["cloud"][0].children(recursive=True)
        # the server's first process names its data directory; its children come and go with connections
        self._postmasters = [
            process
            for process in psutil.process_iter(["name", "cmdline"])
            if process.info["name"] == "postgres" and any(data in word for word in process.info["cmdline"] or ())
        ]

    def seconds(self) -> dict[str, float]:
        """Return CPU seconds by side; PostgreSQL's with those of its present children."""
        sides = {**self._sides, "postgres": []}
        for postmaster in self._postmasters:
            sides["postgres"] += [postmaster, *postmaster.children(recursive=True)]
        return {name: sum(self._of(process) for process in processes) for name, processes in sides.items()}

    @staticmethod
    def _of(process: psutil.Process) -> float:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return times.user + times.system


def measure(stack: Stack, seconds: float) -> None:
    """Let it run, then print the figures."""
    sides = Sides(stack)
    depths: list[int] = []
    before, said, cpu = stack.cloud.metrics(), stack.emitted(), sides.seconds()
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        time.sleep(1)
        depths.append(stack.health()["buffer"]["rows"])
    after, said_after, cpu_after = stack.cloud.metrics(), stack.emitted(), sides.seconds()
    elapsed = time.monotonic() - started
    stored = after.value(STORED) - before.value(STORED)
    third = max(1, len(depths) // 3)
    growth = (sum(depths[-third:]) - sum(depths[:third])) / third / elapsed
    print(f"offered {(said_after - said) / elapsed:10,.0f} readings/s")
    print(f"stored  {stored / elapsed:10,.0f} readings/s   ratio {stored / (said_after - said):.3f}")
    print(f"backlog {depths[-1]:10,} readings at the end, growing by {growth:,.0f} a second")
    lags = before.buckets(LAG), after.buckets(LAG)
    print(f"lag     p50 {quantile(*lags, 0.5):.2f} s   p99 {quantile(*lags, 0.99):.2f} s")
    for name in cpu:
        used = cpu_after[name] - cpu[name]
        print(f"CPU     {name:<11} {used / elapsed:5.2f} cores   {used / stored * 1e6:6.2f} s a million readings")


def main() -> None:
    """Run the stack and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--every", default="20ms", help="the Modbus poll's period")
    words = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="tezgah-bench-"))
    workspace = Workspace(root)
    try:
        with Stack(workspace, Ports.free(), machines_of_each=MACHINES) as stack:
            stack.start_cloud()
            stack.launch_simulators()
            stack.await_simulators()
            stack.start_gateway(configuration(stack, words.every))
            stack.begin()
            time.sleep(5)  # caches and connections warm up
            measure(stack, words.seconds)
    finally:
        workspace.release()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
