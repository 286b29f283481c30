"""The demo's course: start, show or wait, drain, count, and say the verdict."""

import contextlib
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from simulators.demo.audit import Verdict, compare
from simulators.demo.cloud import LAG, Metrics, quantile
from simulators.demo.interrupts import Interrupts
from simulators.demo.screen import Screen
from simulators.demo.stack import Stack
from simulators.demo.workspace import Ports, Workspace
from simulators.errors import DemoError
from simulators.ledger import entries

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h)")
EXIT_INTERRUPTED = 130
_SECONDS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of the demo is asked to do; `duration_s` None means until Ctrl-C, with the live screen."""

    directory: Path
    first_port: int
    duration_s: float | None

    @classmethod
    def read(cls, directory: Path, first_port: int, duration: str | None) -> Self:
        """Read a plan from the command line's words.

        Raises:
            DemoError: `duration` is not a number with s, min or h.
        """
        if duration is None:
            return cls(directory, first_port, None)
        match = _DURATION.fullmatch(duration.strip())
        if match is None:
            raise DemoError(f"--for {duration!r} is not a duration; write a number with s, min or h, such as 30s")
        return cls(directory, first_port, float(match[1]) * _SECONDS[match[2]])


@dataclass(frozen=True, slots=True)
class Summary:
    """What the run came to; lags are seconds from the gateway's receipt of a reading to its row's commit."""

    verdict: Verdict
    buffered: int
    seconds: float
    lag_p50_s: float | None
    lag_p99_s: float | None


def run(plan: Plan, *, as_json: bool) -> int:
    """Run the demo and return its exit code: 0 only when every reading is stored once.

    Raises:
        DemoError: It could not start, or broke off.
    """
    console = Console(stderr=as_json)
    with Interrupts() as interrupts:
        workspace = Workspace(plan.directory)
        try:
            with Stack(workspace, Ports.from_first(plan.first_port), interrupts.held) as stack:
                summary = _course(plan, stack, console, interrupts)
        finally:
            workspace.release()
        if summary is None:
            console.print("interrupted: everything is stopped, nothing was counted")
            return EXIT_INTERRUPTED
        _print(summary, console, as_json=as_json)
        return 0 if summary.verdict.is_exact else 1


def _course(plan: Plan, stack: Stack, console: Console, interrupts: Interrupts) -> Summary | None:
    began = time.monotonic()
    try:
        with console.status("starting") as status, interrupts.heard():
            stack.start(lambda what: status.update(f"starting {what}"))
    except KeyboardInterrupt:
        return None
    console.print(f"started in {time.monotonic() - began:.1f} s: {len(stack.machines)} machines", highlight=False)
    before = stack.cloud.metrics()
    running = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), interrupts.heard():  # Ctrl-C is how the live demo ends
        _watch(plan, stack, console)
    seconds = time.monotonic() - running
    words = "stopping: the rest goes to the cloud, then it is counted (Ctrl-C: do not count)"
    with contextlib.suppress(KeyboardInterrupt), console.status(words), interrupts.heard():
        return _account(stack, before, seconds)
    return None


def _watch(plan: Plan, stack: Stack, console: Console) -> None:
    if plan.duration_s is None:
        Screen(stack, console).show()
        return
    console.print(f"running for {plan.duration_s:g} s", highlight=False)
    deadline = time.monotonic() + plan.duration_s
    while (left := deadline - time.monotonic()) > 0:
        stack.check()
        time.sleep(min(0.5, left))


def _account(stack: Stack, before: Metrics, seconds: float) -> Summary:
    buffered = stack.drain()
    after = stack.cloud.metrics()
    # rows of a Modbus reading bear the gateway's clock, the same one as ours here
    since = stack.started_at - timedelta(seconds=1)
    rows = (row for machine in stack.machines for row in stack.cloud.rows(machine.code, since))
    verdict = compare(entries(stack.ledger), rows)
    counts = before.buckets(LAG), after.buckets(LAG)
    return Summary(verdict, buffered, seconds, quantile(*counts, 0.5), quantile(*counts, 0.99))


def _print(summary: Summary, console: Console, *, as_json: bool) -> None:
    verdict = summary.verdict
    if as_json:
        sys.stdout.write(json.dumps({**asdict(summary), "exact": verdict.is_exact}) + "\n")
        return
    lines: list[tuple[str, Any]] = [
        ("emitted by the simulators", verdict.emitted),
        ("buffered by the gateway", summary.buffered),
        ("stored in PostgreSQL", verdict.stored),
        ("lost", verdict.lost),
        ("duplicated", verdict.duplicated),
        ("never said by a simulator", verdict.foreign),
        ("tags out of order", verdict.disordered),
        ("lag from gateway to row", f"p50 {_seconds(summary.lag_p50_s)}, p99 {_seconds(summary.lag_p99_s)}"),
    ]
    console.print(f"\nafter {summary.seconds:.1f} s, by the simulators' own ledger:", highlight=False)
    for name, value in lines:
        console.print(f"  {name:<28} {value:>10}" if isinstance(value, int) else f"  {name:<28} {value}")
    console.print(
        "[green]every reading is stored once[/]" if verdict.is_exact else "[red]the rows do not match the ledger[/]"
    )


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} s"
