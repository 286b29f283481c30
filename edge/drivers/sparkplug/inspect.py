"""Sparkplug as `doctor` and `browse` see it: which nodes and devices there are, and what each metric says.

It listens under a client id of its own, in a session that the broker forgets, and never publishes STATE: nodes must not
take it for their primary host. Names come only with births, and births only when a node connects or is asked; so each
node that is not understood is asked once, one after the other in the `pace` of `rebirth`, and the look says so.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import cast

from edge.clock import Clock
from edge.drivers.broker.link import Link
from edge.drivers.broker.packets import Message
from edge.drivers.inspection import Examination, Finding, Found, Probe, Severity
from edge.drivers.sparkplug.asking import Asking
from edge.drivers.sparkplug.config import SparkplugConnection, SparkplugDevice, SparkplugTag
from edge.drivers.sparkplug.look import Look, Value
from edge.drivers.sparkplug.nodes import Source
from edge.drivers.sparkplug.payload import rebirth_command
from edge.drivers.sparkplug.plan import NAMESPACE, Plan
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import ConfigError, DriverError
from shared.reading import Quality

# how long examine waits for births
_LISTEN_S = 10.0
# a look never asks faster than that, whatever `pace` says, and no node twice
_PACE_S, _NEVER_S = 0.1, 1e9
# messages that may wait to be understood; beyond that the socket is not read
_WAITING = 2000


def build(
    name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings
) -> "SparkplugInspector":
    """Build the inspector of one connection; nothing connects yet."""
    return SparkplugInspector(name, cast("SparkplugConnection", options), points, clock, around.families)


class _Session:
    """One session: what came, and the asking (Link's listener)."""

    def __init__(self, clock: Clock, pace_s: float) -> None:
        self.look = Look()
        self.asked: list[Source] = []
        self.asking = Asking(_NEVER_S, max(pace_s, _PACE_S))
        self.failure: DriverError | None = None
        self.link: Link | None = None
        self._clock = clock
        self._waiting: list[Message] = []
        self._news = asyncio.Event()

    def greeted(self, *, session_present: bool) -> None:
        """Link's word."""

    def heard(self, message: Message) -> None:
        """Keep it until `go_on` (Link's word)."""
        self._waiting.append(message)
        self._news.set()
        if len(self._waiting) >= _WAITING and self.link is not None:
            self.link.pause()

    def turn_ended(self) -> None:
        """Link's word."""

    def lost(self, error: DriverError) -> None:
        """Link's word."""
        self.failure = error
        self._news.set()

    def want(self, node: Source) -> None:
        """See that a node is asked for its birth, once."""
        self.asking.want(node, self._clock.monotonic())

    async def go_on(self, until_s: float) -> bool:
        """Ask who is due, wait for what comes, and understand it; False when the time is over.

        Raises:
            DriverError: The connection was lost.
        """
        assert self.link is not None  # noqa: S101 - set before it is opened
        now_s = self._clock.monotonic()
        due = self.asking.due(now_s)
        if due is not None:
            self.asked.append(due)
            command = rebirth_command(self._clock.now_us() // 1000)
            self.link.publish(f"{NAMESPACE}/{due.group}/NCMD/{due.node}", command, 0)
        left_s = until_s - now_s
        if left_s <= 0:
            return False
        due_s = self.asking.due_in_s(now_s)
        try:
            async with asyncio.timeout(left_s if due_s is None else min(left_s, due_s + 0.001)):
                await self._news.wait()
        except TimeoutError:
            pass
        messages, self._waiting = self._waiting, []
        self._news.clear()
        for message in messages:
            node = self.look.take(message)
            if node is not None:
                self.want(node)
        if self.failure is not None:
            raise self.failure
        self.link.resume()
        return True


class SparkplugInspector:
    """Looks at one broker's edge nodes (`edge.drivers.inspection.Inspector`)."""

    def __init__(
        self,
        name: str,
        options: SparkplugConnection,
        points: Sequence[Point],
        clock: Clock,
        families: Sequence[Point] = (),
        *,
        listen_s: float = _LISTEN_S,
    ) -> None:
        self._name = name
        own = {"client_id": f"tezgah-look-{uuid.uuid4().hex[:10]}"}
        self._options = SparkplugConnection.model_construct(**{**options.__dict__, **own})
        self._points = points
        self._clock = clock
        self._listen_s = listen_s
        self._plan = Plan(points, families)

    async def examine(self) -> Examination:
        """Listen until every tag has a value, or for `listen_s`."""
        session = _Session(self._clock, self._options.rebirth.pace)
        began_s = self._clock.monotonic()
        took_s = None
        topics = dict.fromkeys((*self._plan.subscriptions(), f"{NAMESPACE}/STATE/+", "STATE/+"), 0)
        if f"{NAMESPACE}/#" in topics:
            del topics[f"{NAMESPACE}/STATE/+"]
        link = session.link = Link(self._name, self._options, topics, session, self._clock.now_us)
        try:
            await link.open()
            took_s = self._clock.monotonic() - began_s
            secured = link.encryption()
            for node in self._plan.named_nodes():
                session.want(node)
            end_s = self._clock.monotonic() + self._listen_s
            while not self._is_complete(session.look) and await session.go_on(end_s):
                pass
        except DriverError as error:
            return Examination(is_reached=False, findings=[Finding(Severity.ERROR, "", error.message)])
        finally:
            await link.close()
        findings = [
            *self._doubts(session.look),
            *(secured.findings(datetime.now(UTC)) if secured is not None else ()),
            *(
                Finding(Severity.ERROR, "", f"the broker refuses the topic {topic!r}", "let this user read it")
                for topic in link.refused
                if "STATE" not in topic
            ),
        ]
        order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
        return Examination(
            True,
            took_s,
            [*(secured.facts() if secured is not None else ()), *_facts(session, link.limits)],
            [self._probe(place, point, session.look) for place, point in enumerate(self._points)],
            sorted(findings, key=lambda found: order[found.severity]),
        )

    async def browse(self, where: str, limit_s: float) -> AsyncIterator[Found]:
        """Yield the metrics of nodes and devices, as they are born; each node is asked for its birth once.

        Args:
            where: `group`, `group/node` or `group/node/device`, * for any characters; empty for all.
            limit_s: How long to listen.

        Raises:
            ConfigError: It is not of that form.
            DriverError: The broker cannot be reached, or was lost.
        """
        is_wanted = _chosen(where)
        session, told = _Session(self._clock, self._options.rebirth.pace), set[tuple[Source, str]]()
        link = session.link = Link(self._name, self._options, {f"{NAMESPACE}/#": 0}, session, self._clock.now_us)
        await link.open()
        try:
            for node in self._plan.named_nodes():
                session.want(node)
            end_s = self._clock.monotonic() + limit_s
            goes_on = True
            while goes_on:
                goes_on = await session.go_on(end_s)
                for key, value in list(session.look.values.items()):
                    if key not in told:
                        told.add(key)
                        if is_wanted(key[0]):
                            yield _found(*key, value)
        finally:
            await link.close()

    def _is_complete(self, look: Look) -> bool:
        return bool(self._points) and all(self._value(point, look) is not None for point in self._points)

    def _value(self, point: Point, look: Look) -> Value | None:
        return look.values.get((_source(point), cast("SparkplugTag", point.options).metric))

    def _probe(self, place: int, point: Point, look: Look) -> Probe:
        value = self._value(point, look)
        if value is None:
            return Probe(place, "", None, Quality.BAD, "not born")
        shown = None if value.quality is Quality.BAD else value.value
        return Probe(place, f"{value.datatype} {value.value}", shown, value.quality, value.code, value.ts_us)

    def _doubts(self, look: Look) -> Iterator[Finding]:
        """Yield what is wrong with the tags: an unknown node or device once, an unknown metric each."""
        silent = set[Source]()
        for point in self._points:
            source = _source(point)
            if source in silent:
                continue
            known = look.metrics(source)
            metric = cast("SparkplugTag", point.options).metric
            if not known:
                silent.add(source)
                yield _absent(point.device, source, look, self._listen_s)
            elif metric not in known:
                near = get_close_matches(metric, known, n=1, cutoff=0.5)
                message = f"{_words(source)} has no metric {metric!r}"
                fix = f"metric: {near[0]}" if near else "look for its name with `browse`"
                yield Finding(Severity.ERROR, f"{point.device}.{point.name}", message, fix)
            elif known[metric].quality is not Quality.GOOD:
                message = f"{metric!r} is {known[metric].quality.name.lower()}: {known[metric].code}"
                yield Finding(Severity.WARNING, f"{point.device}.{point.name}", message)
        if look.malformed:
            yield Finding(Severity.WARNING, "", f"{look.malformed} messages are no Sparkplug B payload")


def _source(point: Point) -> Source:
    options = cast("SparkplugDevice", point.device_options)
    return Source(options.group, options.node, options.source or "")


def _words(source: Source) -> str:
    return f"device {source.device!r} of node {source.node!r}" if source.device else f"node {source.node!r}"


def _absent(device: str, source: Source, look: Look, listen_s: float) -> Finding:
    node = Source(source.group, source.node)
    born = look.sources()
    if source.device and any(one[:2] == node[:2] for one in born):
        names = [one.device for one in born if one[:2] == node[:2] and one.device]
        near = get_close_matches(source.device, names, n=1, cutoff=0.5)
        fix = f"source: {near[0]}" if near else f"it has {', '.join(sorted(names)) or 'none'}"
        return Finding(Severity.ERROR, device, f"node {source.node!r} has no device {source.device!r}", fix)
    others = [one.node for one in look.nodes_heard if one.group == source.group and one != node]
    near = get_close_matches(source.node, others, n=1, cutoff=0.5)
    message = f"node {source.node!r} of group {source.group!r} was not born within {listen_s:g} s, though asked"
    if near:
        return Finding(Severity.ERROR, device, message, f"node: {near[0]}")
    fix = "is it connected, and may this user publish its NCMD? `browse` shows who speaks"
    return Finding(Severity.WARNING, device, message, fix)


def _facts(session: _Session, limits: dict[str, int]) -> list[tuple[str, str]]:
    look = session.look
    asked = ", ".join(f"{node.group}/{node.node}" for node in session.asked[:20])
    return [
        ("nodes heard", str(len(look.nodes_heard))),
        ("devices born", str(sum(bool(source.device) for source in look.sources()))),
        ("asked for their birth, once", asked or "none"),
        ("hosts", ", ".join(f"{name} {state}" for name, state in sorted(look.hosts.items())) or "none"),
        *((name, str(value)) for name, value in limits.items()),
    ]


def _chosen(where: str) -> Callable[[Source], bool]:
    """Return what tells whether a source is asked for.

    Raises:
        ConfigError: It is no place of Sparkplug's.
    """
    parts = where.split("/") if where else []
    if len(parts) > 3 or any(not part or set(part) & set("+#") for part in parts):
        raise ConfigError(f"{where!r}: expected group, group/node or group/node/device, with * for any characters")
    return lambda source: all(fnmatchcase(name, pattern) for name, pattern in zip(source, parts, strict=False))


def _found(source: Source, metric: str, value: Value) -> Found:
    options: dict[str, object] = {"group": source.group, "node": source.node}
    if source.device:
        options["source"] = source.device
    path = [*(part for part in source if part), *metric.split("/")]
    device = "-".join(part for part in source[1:] if part)
    is_control = metric == "bdSeq" or metric.startswith(("Node Control/", "Device Control/"))
    tag = None if is_control else {"metric": metric}
    shown = "" if value.value is None else str(value.value)
    return Found(path, metric, device, options, tag, shown, " ".join(filter(None, (value.datatype, value.code))))
