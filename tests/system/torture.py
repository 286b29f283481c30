"""The soak: a whole plant whose gateway, cloud and PostgreSQL are killed at random, over a line that misbehaves.

    make torture                                  a thousand kills
    make torture ARGS="--kills 50 --seed 7"       a run of another length, or the draws of another run once more

At the end everything is made whole, and the simulators' own ledger is held against the rows: what MQTT said (the broker
keeps it for us) is stored to the last reading, what OPC UA and Modbus said is stored or lies in a gap, nothing is there
twice or out of nothing, and each tag is in the order in which it was said. Seed and log are kept in `.torture`.
"""

import argparse
import bisect
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import httpx
import psutil
import psycopg

from cloud.postgres import embedded
from simulators.demo.audit import Row, Verdict, compare
from simulators.demo.patience import Patience
from simulators.demo.stack import Stack
from simulators.demo.workspace import Ports, Workspace
from simulators.errors import DemoError
from simulators.ledger import Entry, entries
from simulators.machine import Protocol
from tests.promise.proxy import Line, Proxy
from tests.system.test_killed_cloud import stop_database, workers
from tests.system.walk import ON_ITS_WAY_US, Walk, until

_US = "(extract(epoch from {}) * 1000000)::bigint"
_ROWS = f"""
    SELECT device, name, {_US.format("ts")}, value FROM reading JOIN tag ON tag.id = tag_id
    WHERE received_at >= %s AND value IS NOT NULL ORDER BY tag_id, ts, n
"""
_GAPS = f"SELECT device, {_US.format('from_at')}, {_US.format('to_at')} FROM gap WHERE to_at >= %s"
# a plant of four machines a protocol says enough at this pace, and leaves the processor to those that are killed
_PERIOD_S = 0.25
_PAUSE_S = (0.1, 1.6)
# a killed worker's successor takes a second or two to begin; nothing is proved by killing it before that
_WORKERS = 2
# The machine may be as slow as it likes: what a thousand short lives left behind are thousands of small batches, and
# they go one request each. Given up is only what stands still for so long.
_STILL_S = 180.0
_PATIENCE = Patience(start_s=_STILL_S, settled_s=5.0, settle_limit_s=900.0, stop_s=_STILL_S)
# a last life may end with what it heard in its last second
_LAST_LIVES = 3


class Blow(StrEnum):
    """What is killed."""

    GATEWAY = "gateway"
    WORKER = "cloud worker"
    POSTGRES = "PostgreSQL"


_BLOWS = {Blow.GATEWAY: 68, Blow.WORKER: 24, Blow.POSTGRES: 8}
_LINES = {Line.GOOD: 60, Line.ANSWERS_LOST: 12, Line.CUT: 10, Line.HALF_OPEN: 6, Line.DRIPS: 12}


@dataclass
class Outcome:
    """What a soak came to.

    Attributes:
        kills: Of what, how often.
        seconds: How long it took.
        verdicts: Of each protocol.
        unexplained: How much of what was said is neither a row nor in a gap.
        ended: Gateways that ended before anybody killed them.
    """

    kills: Counter[Blow] = field(default_factory=Counter)
    seconds: float = 0.0
    verdicts: dict[Protocol, Verdict] = field(default_factory=dict)
    unexplained: dict[Protocol, int] = field(default_factory=dict)
    ended: int = 0

    def breaches(self) -> list[str]:
        """Return what is not as promised, in words."""
        found = [f"{self.ended} gateways ended by themselves"] if self.ended else []
        for protocol, verdict in self.verdicts.items():
            counts = {
                "twice": verdict.duplicated,
                "out of nothing": verdict.foreign,
                "tags in disorder": verdict.disordered,
            }
            counts["missing and unexplained"] = self.unexplained[protocol]
            if protocol is Protocol.MQTT:
                counts["lost, though the broker kept it"] = verdict.lost
            found += [f"{protocol}: {count} {words}" for words, count in counts.items() if count]
        return found


class Soak:
    """Kills, over and over.

    Args:
        walk: The plant.
        proxy: The line to its cloud.
        chance: What is drawn from.
        tell: Hears of each blow.
    """

    def __init__(self, walk: Walk, proxy: Proxy, chance: random.Random, tell: Callable[[str], None]) -> None:
        self._walk, self._stack, self._proxy = walk, walk.stack, proxy
        self._chance, self._tell = chance, tell
        self._pause = threading.Event()
        self.outcome = Outcome()

    def run(self, kills: int) -> Outcome:
        """Kill so many times, make everything whole, and compare."""
        began_s = time.monotonic()
        self._walk.begin(cloud_url=f"http://127.0.0.1:{self._proxy.port}", period_s=_PERIOD_S)
        for number in range(kills):
            self._proxy.line = self._chance.choices(list(_LINES), list(_LINES.values()))[0]
            # not a wait for something: it is how long everything works before the next blow
            self._pause.wait(self._chance.uniform(*_PAUSE_S))
            blow = self._strike()
            self.outcome.kills[blow] += 1
            self._tell(f"{number + 1:>5} of {kills}: killed the {blow}, line {self._proxy.line}")
        self._tell("no more kills; what is left is brought home")
        self._proxy.line = Line.GOOD
        self._kill_gateway()
        self._start_gateway()
        self._stack.drain()
        self._bring_home()
        self.outcome.seconds = time.monotonic() - began_s
        self._compare()
        return self.outcome

    def _strike(self) -> Blow:
        blow = self._chance.choices(list(_BLOWS), list(_BLOWS.values()))[0]
        if blow is Blow.WORKER and len(found := workers(self._stack)) >= _WORKERS:
            with suppress(psutil.NoSuchProcess):  # the service has seen to it
                self._chance.choice(found).kill()
            return blow
        if blow is Blow.POSTGRES:
            stop_database(self._stack.workspace.root / "cloud" / "postgres")
            return blow
        self._kill_gateway()
        self._stack.launch_gateway(self._walk.config)
        return Blow.GATEWAY

    def _kill_gateway(self) -> None:
        try:
            self._stack.child("gateway").check()
        except DemoError as error:
            self.outcome.ended += 1
            self._tell(f"{error}")
        self._stack.kill("gateway")

    def _start_gateway(self) -> None:
        """Start the last one; one that is too slow about it is killed like the others, and the next has its try."""
        try:
            self._walk.start_gateway()
        except DemoError as error:
            self._tell(f"{error}")
            self._kill_gateway()
            self._walk.start_gateway()

    def _bring_home(self) -> None:
        """Bring what the gateway still has to the cloud: the plant says nothing more, so there is an end to it."""
        for _ in range(_LAST_LIVES):
            if self._stack.left == 0:
                return
            self._tell(f"{self._stack.left} readings are still on the gateway's disk")
            self._stack.launch_gateway(self._walk.config)
            try:
                until(self._is_home, "the cloud to have what the gateway has", _STILL_S, self._progress)
            except AssertionError as error:
                self._tell(f"{error}")  # and the ledger says what that costs
            self._stack.end_gateway()

    def _is_home(self) -> bool:
        with suppress(httpx.TransportError):  # it does not listen yet
            health = self._stack.health()
            return health["sync"]["state"] == "up" and not health["buffer"]["rows"]
        return False

    def _progress(self) -> object:
        self._stack.check()
        with suppress(httpx.TransportError):
            health = self._stack.health()
            return f"{health['sync']['state']}, {health['sync']['settled']} batches taken by the cloud"
        return None

    def _compare(self) -> None:
        stack = self._stack
        with embedded(stack.workspace.root / "cloud") as url, psycopg.connect(url) as database:
            rows = [Row(*row) for row in database.execute(_ROWS, (stack.started_at,)).fetchall()]
            gaps = database.execute(_GAPS, (stack.started_at,)).fetchall()
        windows = Windows((device, int(start), int(end)) for device, start, end in gaps)
        protocols = {machine.device: machine.protocol for machine in stack.machines}
        said = list(entries(stack.ledger))
        for protocol in (Protocol.OPCUA, Protocol.MODBUS, Protocol.MQTT):
            ours = [entry for entry in said if protocols[entry.device] is protocol]
            stored = [row for row in rows if protocols.get(row.device) is protocol]
            self.outcome.verdicts[protocol] = compare(ours, stored)
            self.outcome.unexplained[protocol] = unexplained(ours, stored, windows).total()


class Windows:
    """The gaps, so that it can be told quickly whether a moment lies in one."""

    def __init__(self, gaps: Iterable[tuple[str | None, int, int]]) -> None:
        spans: dict[str | None, list[tuple[int, int]]] = defaultdict(list)
        for device, start, end in gaps:
            spans[device].append((start, end))
        self._spans = {device: _merged(sorted(found)) for device, found in spans.items()}

    def hold(self, device: str, first_us: int, last_us: int) -> bool:
        """Return whether a gap of this device, or of all, has a moment in common with first..last."""
        return any(self._holds(key, first_us, last_us) for key in (device, None))

    def _holds(self, key: str | None, first_us: int, last_us: int) -> bool:
        spans = self._spans.get(key, [])
        place = bisect.bisect_right(spans, (last_us, sys.maxsize)) - 1
        return place >= 0 and spans[place][1] > first_us


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def unexplained(said: Sequence[Entry], rows: Iterable[Row], windows: Windows) -> "Counter[tuple[str, str, int, float]]":
    """Return what was said, is in no row, and was not said within a gap (see `Walk.unexplained`)."""
    is_timed = bool(said[0].ts_us)
    missing = Counter(entry[:4] for entry in said)
    missing.subtract((row.device, row.tag, row.ts_us if is_timed else 0, row.value or 0.0) for row in rows)
    for entry in said:
        if missing[entry[:4]] > 0:
            latest = entry.said_us + (0 if entry.ts_us else ON_ITS_WAY_US)
            missing[entry[:4]] -= windows.hold(entry.device, entry.said_us, latest)
    return +missing


def soak(walk: Walk, kills: int, seed: int, tell: Callable[[str], None], cloud_port: int | None = None) -> Outcome:
    """Kill so many times, drawn from the seed; the cloud is the walk's, or what listens there."""
    with Proxy(cloud_port or walk.stack.ports.api).listening() as proxy:
        return Soak(walk, proxy, random.Random(seed), tell).run(kills)


def main() -> int:
    """Run a soak by itself; the exit code is 0 only if the promise was kept."""
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    asked = parser.parse_args()
    log = Path(".torture", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-seed-{asked.seed}.log")
    log.parent.mkdir(exist_ok=True)
    with ExitStack() as held:
        file = held.enter_context(log.open("w", encoding="utf-8", buffering=1))

        def tell(line: str) -> None:
            print(line, flush=True)  # noqa: T201
            file.write(f"{datetime.now(UTC):%H:%M:%S.%f} {line}\n")

        tell(f"torture: {asked.kills} kills, seed {asked.seed}; kept in {log.resolve()}")
        held.push(_telling(tell))
        directory = held.enter_context(tempfile.TemporaryDirectory(prefix="tz-torture-", ignore_cleanup_errors=True))
        workspace = Workspace(Path(directory))
        held.callback(workspace.release)
        stack = held.enter_context(Stack(workspace, Ports.free(), patience=_PATIENCE))
        stack.start_cloud(["--workers", str(_WORKERS)])
        walk = Path(directory, "walk")
        walk.mkdir()
        outcome = soak(Walk(stack, walk), asked.kills, asked.seed, tell)
        return report(outcome, tell)


def _telling(tell: Callable[[str], None]) -> Callable[..., None]:
    """Keep in the log, too, why a run broke off before it came to a verdict."""

    def on_exit(_: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            tell(f"BROKEN OFF, there is no verdict: {error!r}")

    return on_exit


def report(outcome: Outcome, tell: Callable[[str], None]) -> int:
    """Say what a soak came to; returns the exit code."""
    killed = ", ".join(f"{count} times the {blow}" for blow, count in outcome.kills.items())
    tell(f"killed in {outcome.seconds:.0f} s: {killed}")
    for protocol, verdict in outcome.verdicts.items():
        explained = verdict.lost - outcome.unexplained[protocol]
        tell(
            f"{protocol:>7}: {verdict.emitted} said, {verdict.stored} stored, {explained} in gaps, "
            f"{outcome.unexplained[protocol]} unexplained, {verdict.duplicated} twice, {verdict.foreign} foreign, "
            f"{verdict.disordered} tags in disorder"
        )
    breaches = outcome.breaches()
    tell("the promise was kept" if not breaches else "THE PROMISE WAS BROKEN: " + "; ".join(breaches))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
