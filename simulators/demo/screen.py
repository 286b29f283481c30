"""The demo's live screen: machines with their status and values, and how readings flow; fits into 80 by 24."""

import time
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from simulators.demo.cloud import LAG, STORED, Metrics, quantile
from simulators.demo.seed import USERS
from simulators.demo.stack import Stack

_COLOURS = {
    "running": "green",
    "setup": "yellow",
    "idle": "cyan",
    "down": "red",
    "maintenance": "magenta",
    "offline": "bright_black",
    "unknown": "bright_black",
}
# the values shown beside the state, by the first signals of their kind that a reader can picture
_UNITS = {"Cel": "°C"}  # UCUM codes that people write in another way
_SHOWN = ("good", "power_kw", "vibration_mm_s", "oil_c", "spindle_c", "seal_c")


class Screen:
    """Redraws once a second from what the API and the gateway's health page say."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self._stack = stack
        self._console = console
        self._seen: tuple[float, Metrics] = (time.monotonic(), stack.cloud.metrics())

    def show(self) -> None:
        """Show until interrupted."""
        with Live(self._draw(), console=self._console, refresh_per_second=4, screen=False) as live:
            while True:
                time.sleep(1)
                self._stack.check()
                live.update(self._draw())

    def _draw(self) -> Group:
        table = Table(expand=True, pad_edge=False)
        for heading in ("machine", "speaks", "status"):
            table.add_column(heading, no_wrap=True)
        table.add_column("latest values (age)")
        for machine in self._stack.machines:
            status = self._stack.cloud.status(machine.code)
            runtime = str(status["runtime_status"])
            table.add_row(
                machine.code,
                machine.protocol,
                Text(runtime, style=_COLOURS.get(runtime, "")),
                # not the column's no_wrap: that would narrow the other columns too
                Text(_values(status["values"]), no_wrap=True, overflow="ellipsis"),
            )
        return Group(self._flow(), table, self._addresses())

    def _flow(self) -> Panel:
        then, before = self._seen
        now, after = time.monotonic(), self._stack.cloud.metrics()
        self._seen = now, after
        rate = (after.value(STORED) - before.value(STORED)) / max(now - then, 1e-3)
        lag = quantile(before.buckets(LAG), after.buckets(LAG), 0.5)
        health = self._stack.health()
        words = (
            f"[bold]{rate:,.0f}[/] readings/s stored  "
            f"[bold]{health['buffer']['rows']:,}[/] in the buffer  "
            f"edge to row [bold]{'-' if lag is None else f'{lag:.2f} s'}[/]  "
            f"{self._stack.emitted():,} emitted"
        )
        return Panel(words, title="Tezgah demo: from a PLC's register to a PostgreSQL row")

    def _addresses(self) -> Panel:
        address = self._stack.cloud.address
        return Panel(
            f"API {address}/api-docs   gateway {self._stack.health_address}/health\n"
            f"sign in as {', '.join(USERS)} with password {self._stack.password}",
            subtitle="Ctrl-C stops everything in order and counts",
        )


def _values(latest: list[dict[str, Any]]) -> str:
    by_tag = {value["tag"]: value for value in latest}
    now = datetime.now(UTC)
    shown = []
    for tag in _SHOWN:
        value = by_tag.get(tag)
        if value is not None and value["value"] is not None:
            age_s = (now - datetime.fromisoformat(value["timestamp"])).total_seconds()
            words = f"{tag} {value['value']:,.6g} {_UNITS.get(value['unit'], value['unit'])}".rstrip()
            shown.append(f"{words} ({max(0.0, age_s):.1f} s)")
    return "   ".join(shown[:3])
