"""A whole plant for one test: simulators and a gateway of its own, before a cloud that all tests share."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from simulators.demo.audit import Row, Verdict, compare
from simulators.demo.patience import Waiting
from simulators.demo.stack import Stack
from simulators.ledger import Entry, entries
from simulators.machine import Protocol

# on a machine that is busy with other things
PATIENCE_S = 100.0
# how long an answer may be under way on a busy machine, from the simulator's socket to the gateway's clock
ON_ITS_WAY_US = 500_000
# between two looks at what others do
_LOOK_S = 0.02
# start and end in microseconds since 1970, and the device, or None for all of them
Window = tuple[int, int, str | None]


class Walk:
    """One run from register to row, and what came of it."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack = stack
        self.config = directory / "edge.yaml"
        self._protocols = {machine.device: machine.protocol for machine in stack.machines}

    def begin(self, *, cloud_url: str | None = None, command: Sequence[str] = (), period_s: float = 0.1) -> None:
        """Start simulators and gateway; values move when the gateway is connected to all of them.

        Args:
            cloud_url: What the gateway takes for its cloud, if not the cloud.
            command: What runs the gateway instead of `tezgah-edge`.
            period_s: Between two values of a signal.
        """
        text = resources.files("simulators.demo").joinpath("edge.yaml").read_text(encoding="utf-8")
        text = text.replace("every: 500ms", "every: 100ms")
        if cloud_url is not None:
            text = text.replace("http://127.0.0.1:${env:DEMO_API_PORT}", cloud_url)
        self.config.write_text(text, encoding="utf-8")
        self.stack.begin_anew()
        self.stack.launch_simulators(["--period", str(period_s)])
        self.stack.await_simulators()
        self.start_gateway(command)
        self.stack.begin()

    def start_gateway(self, command: Sequence[str] = ()) -> None:
        """Start the gateway on the state that is there."""
        self.stack.start_gateway(self.config, command)

    def flow(self, count: int) -> None:
        """Wait until so many more readings were said."""
        goal = self.stack.emitted() + count
        until(lambda: self.stack.emitted() >= goal, f"{count} more readings said")

    def recovered(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until the cloud takes what the gateway has; it asks again with growing pauses."""
        since = self.stack.health()["sync"]["settled"]
        try:
            until(lambda: self._is_current(since), "the cloud to have what the gateway has", patience_s)
        except AssertionError as error:
            health = self.stack.health()
            error.add_note(f"the gateway says: {health['sync']}, {health['buffer']}")
            raise

    def _is_current(self, since: int) -> bool:
        health = self.stack.health()
        sync, buffer = health["sync"], health["buffer"]
        return sync["state"] == "up" and sync["settled"] > since and (buffer["oldest_age_s"] or 0.0) < 1.5

    def said(self, protocol: Protocol) -> list[Entry]:
        """Return the ledger of one protocol."""
        return [entry for entry in entries(self.stack.ledger) if self._protocols[entry.device] is protocol]

    def rows(self, protocol: Protocol) -> list[Row]:
        """Return the rows of one protocol, as the API shows them."""
        codes = [machine.code for machine in self.stack.machines if machine.protocol is protocol]
        return [row for code in codes for row in self.stack.cloud.rows(code, self.stack.started_at)]

    def verdict(self, protocol: Protocol) -> Verdict:
        """Hold the rows of one protocol against its ledger."""
        return compare(self.said(protocol), self.rows(protocol))

    def unexplained(self, protocol: Protocol, gaps: Sequence[Window]) -> "Counter[tuple[str, str, int, float]]":
        """Return what was said, is in no row, and was not said within a gap.

        Of equal readings without a time of their own nobody can tell which is missing; one within a gap is taken.
        """
        said = self.said(protocol)
        is_timed = bool(said[0].ts_us)
        missing = Counter(entry[:4] for entry in said)
        rows = [row for row in self.rows(protocol) if row.value is not None]
        missing.subtract((row.device, row.tag, row.ts_us if is_timed else 0, row.value or 0.0) for row in rows)
        for entry in said:
            if missing[entry[:4]] > 0 and any(lies_in(entry, window) for window in gaps):
                missing[entry[:4]] -= 1
        return +missing

    def gaps(self, cause: str) -> list[Window]:
        """Return start, end (microseconds since 1970) and device of every gap of this run with that cause."""
        found: list[dict[str, Any]] = self.stack.cloud.gaps(self.stack.started_at)
        return [(_us(gap["start"]), _us(gap["end"]), gap["device"]) for gap in found if gap["cause"] == cause]


def lies_in(entry: Entry, window: Window) -> bool:
    """Whether a reading was said within a gap; one without a time of its own bears the one of its arrival."""
    start, end, device = window
    latest = entry.said_us + (0 if entry.ts_us else ON_ITS_WAY_US)
    return start <= latest and entry.said_us < end and device in {None, entry.device}


def until(
    condition: Callable[[], object],
    what: str,
    patience_s: float = PATIENCE_S,
    progress: Callable[[], object] = lambda: None,
) -> None:
    """Wait for what other processes do.

    Args:
        condition: Whether it has happened.
        what: It, in words.
        patience_s: For how long there may be no progress.
        progress: What changes while they come nearer to it; without it they have so long in all.

    Raises:
        AssertionError: It did not happen.
    """
    waiting, pause = Waiting(patience_s), threading.Event()
    while not condition():
        at = f", it stands at {waiting.seen}" if waiting.seen is not None else ""
        assert waiting.goes_on(progress()), f"waited {patience_s:g} s for: {what}{at}"
        # whoever asks without a pause keeps a processor from those who are asked
        pause.wait(_LOOK_S)


def _us(timestamp: str) -> int:
    return round(datetime.fromisoformat(timestamp).timestamp() * 1e6)
