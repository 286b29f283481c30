"""MQTT as `doctor` and `browse` see it: what comes on each topic, and how it is read.

It listens under a client id of its own, in a session that the broker forgets: the daemon's is left alone.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import cast

from edge.clock import Clock
from edge.drivers.broker.link import Link
from edge.drivers.broker.packets import Message
from edge.drivers.broker.rows import MISSING, Trouble
from edge.drivers.inspection import Examination, Finding, Found, Probe, Severity
from edge.drivers.mqtt import topics
from edge.drivers.mqtt.config import MqttConnection, MqttDevice
from edge.drivers.mqtt.decode import Counts, decode
from edge.drivers.mqtt.jsonpath import parse as parse_path
from edge.drivers.mqtt.jsonpath import walk
from edge.drivers.mqtt.payload import Form, parse
from edge.drivers.mqtt.plan import Plan
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import ConfigError, DriverError
from shared.reading import Flag, Quality

# how long examine waits for each device to speak
_LISTEN_S = 10.0
# where Mosquitto and others keep their version
_VERSION = "$SYS/broker/version"
# topics and bytes of a payload that are kept to be shown
_TOPICS, _SHOWN = 2000, 200
_LOOK = "see what is published with `tezgah-edge browse CONFIG CONNECTION`"


def build(
    name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings
) -> "MqttInspector":
    """Build the inspector of one connection; nothing connects yet."""
    return MqttInspector(name, cast("MqttConnection", options), points, clock, around.families)


class _Ear:
    """Hears one session: the last message of each topic."""

    def __init__(self) -> None:
        self.last: dict[str, Message] = {}
        self.news = asyncio.Event()
        self.failure: DriverError | None = None

    def greeted(self, *, session_present: bool) -> None:
        """Link's word."""

    def heard(self, message: Message) -> None:
        """Keep it, if there is room (Link's word)."""
        if message.topic in self.last or len(self.last) < _TOPICS:
            self.last[message.topic] = message
            self.news.set()

    def turn_ended(self) -> None:
        """Link's word."""

    def lost(self, error: DriverError) -> None:
        """Link's word."""
        self.failure = error
        self.news.set()


class MqttInspector:
    """Looks at one broker (`edge.drivers.inspection.Inspector`)."""

    def __init__(
        self, name: str, options: MqttConnection, points: Sequence[Point], clock: Clock, families: Sequence[Point] = ()
    ) -> None:
        self._name = name
        # a session that ends with the connection, and is not the daemon's
        self._kept = options.client_id
        own = {"client_id": f"tezgah-look-{uuid.uuid4().hex[:10]}"}
        self._options = _Fleeting.model_construct(**{**options.__dict__, **own})
        self._points = points
        self._families = families
        self._clock = clock

    async def examine(self) -> Examination:
        """Listen until every device has spoken, or for ten seconds."""
        ear = _Ear()
        try:
            plan = Plan(self._name, self._points, self._families)
        except ConfigError as error:
            return Examination(is_reached=False, findings=[Finding(Severity.ERROR, "", error.message)])
        began = time.perf_counter()
        link = self._link(dict.fromkeys((*plan.subscriptions, _VERSION), 0), ear)
        try:
            await link.open()
            took = time.perf_counter() - began
            secured = link.encryption()
            await self._listen(ear, plan)
            kept = ear.last.pop(_VERSION, None)
            version = _shown(kept.payload) if kept is not None else ""
            others = await self._others(plan, ear)
        except DriverError as error:
            return Examination(is_reached=False, findings=[Finding(Severity.ERROR, "", error.message)])
        finally:
            await link.close()
        probes, findings = self._judged(plan, ear, others)
        findings += [
            Finding(Severity.ERROR, "", f"the broker refuses the topic {topic!r}", "let this user read it")
            for topic in link.refused
            if topic != _VERSION
        ]
        facts = [("broker", version)] if version else []
        facts += secured.facts() if secured is not None else []
        facts.append(("session", f"a new one for this look; that of {self._kept!r} is left alone"))
        findings += secured.findings(datetime.now(UTC)) if secured is not None else ()
        facts += [("topics heard", str(len(ear.last))), *((name, str(value)) for name, value in link.limits.items())]
        order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
        return Examination(True, took, facts, probes, sorted(findings, key=lambda found: order[found.severity]))

    async def browse(self, where: str, limit_s: float) -> AsyncIterator[Found]:
        """Yield what is published within the time, as it comes: a tag for each value of a message.

        Args:
            where: A topic filter; empty for all.
            limit_s: How long to listen.

        Raises:
            ConfigError: It is no topic filter.
            DriverError: The broker cannot be reached, or was lost.
        """
        try:
            wanted = topics.checked(where or "#")
        except ValueError as error:
            raise ConfigError(str(error)) from error
        ear, told = _Ear(), set[str]()
        link = self._link({wanted: 0}, ear)
        await link.open()
        try:
            end = self._clock.monotonic() + limit_s
            while (left := end - self._clock.monotonic()) > 0:
                ear.news.clear()
                for topic, message in list(ear.last.items()):
                    if topic not in told:
                        told.add(topic)
                        for found in values_of(topic, message.payload or b""):
                            yield found
                if ear.failure is not None:
                    raise ear.failure
                try:
                    async with asyncio.timeout(left):
                        await ear.news.wait()
                except TimeoutError:
                    break
        finally:
            await link.close()

    def _link(self, wanted: Mapping[str, int], ear: _Ear) -> Link:
        return Link(self._name, self._options, wanted, ear, self._clock.now_us)

    async def _listen(self, ear: _Ear, plan: Plan) -> None:
        wanted = set(plan.subscriptions)
        try:
            async with asyncio.timeout(_LISTEN_S):
                while wanted and ear.failure is None:
                    await ear.news.wait()
                    ear.news.clear()
                    wanted -= {one for one in wanted if any(topics.matches(one, topic) for topic in ear.last)}
        except TimeoutError:
            return

    async def _others(self, plan: Plan, ear: _Ear) -> list[str]:
        """Return topics that somebody publishes on, if a device said nothing: its topic may be written otherwise."""
        if all(any(topics.matches(one, topic) for topic in ear.last) for one in plan.subscriptions):
            return []
        all_of_it = _Ear()
        link = self._link({"#": 0}, all_of_it)
        try:
            await link.open()
            async with asyncio.timeout(2.0):
                await asyncio.Event().wait()
        except (DriverError, TimeoutError):
            # what was heard until then is enough
            pass
        finally:
            await link.close()
        return list(all_of_it.last)

    def _judged(self, plan: Plan, ear: _Ear, others: Sequence[str]) -> tuple[list[Probe], list[Finding]]:
        readings = decode(list(ear.last.values()), plan, Counts())
        probes: dict[int, Probe] = {}
        findings: list[Finding] = []
        for row, place in enumerate(readings.tag.tolist()):
            if place >= len(self._points):
                continue
            status, ts = int(readings.status[row]), int(readings.ts[row])
            point = self._points[place]
            options = cast("MqttDevice", point.device_options)
            message = next(m for topic, m in ear.last.items() if topics.matches(options.topic, topic))
            value: float | str | None = readings.text.get(row, float(readings.value[row]))
            quality = Quality(int(readings.quality[row]))
            code = Trouble(status).name.lower() if status else ""
            probes[place] = Probe(
                place, _shown(message.payload), None if quality is Quality.BAD else value, quality, code, ts or None
            )
            about = f"{point.device}.{point.name}"
            if status:
                findings.append(_why(about, Trouble(status), point, message))
            if int(readings.flags[row]) & Flag.SOURCE_TIME_REPLACED and options.ts is not None:
                told = _told(message, options.ts.path or "$")
                said = f"its time {told!r} is not {options.ts.format}"
                findings.append(Finding(Severity.WARNING, about, said, "change `ts: format`"))
        for place, point in enumerate(self._points):
            if place not in probes:
                findings.append(_silent(point, others))
                probes[place] = Probe(place, "", None, Quality.BAD, "no message")
        return [probes[place] for place in sorted(probes)], list({f.about + f.message: f for f in findings}.values())


class _Fleeting(MqttConnection):
    """A session that the broker forgets when we go."""

    @property
    def session_expiry_s(self) -> int | None:
        """None: a new session each time."""
        return None


def _silent(point: Point, others: Sequence[str]) -> Finding:
    topic = cast("MqttDevice", point.device_options).topic
    near = get_close_matches(topic, others, n=1, cutoff=0.6)
    message = f"nothing came on {topic!r} within {_LISTEN_S:g} s"
    if near:
        return Finding(Severity.ERROR, point.device, f"{message}, but on {near[0]!r}", f"topic: {near[0]}")
    return Finding(Severity.WARNING, point.device, message, f"wait for the device to speak, or {_LOOK}")


def _why(about: str, trouble: Trouble, point: Point, message: Message) -> Finding:
    if trouble is Trouble.MISSING:
        document = _document(message)
        keys = ", ".join(sorted(map(str, document))[:20]) if isinstance(document, dict) else type(document).__name__
        path = getattr(point.options, "path", None)
        return Finding(Severity.ERROR, about, f"nothing stands at {path}; the message has {keys}", "change `json`")
    words = {
        Trouble.MALFORMED: ("the payload is not what `payload` says", "json, csv or text?"),
        Trouble.TOO_LARGE: ("the payload is larger than `max_payload`", "raise `max_payload`"),
    }
    said, fix = words.get(trouble, (f"the value is {trouble.name.lower().replace('_', ' ')}", ""))
    return Finding(Severity.ERROR, about, f"{said}: {_shown(message.payload)}", fix)


def _document(message: Message) -> object:
    try:
        return parse(message.payload or b"")
    except ValueError:
        return MISSING


def _told(message: Message, path: str) -> object:
    return walk(_document(message), parse_path(path))


def _shown(payload: bytes | None) -> str:
    return "" if payload is None else payload[:_SHOWN].decode(errors="replace")


def values_of(topic: str, payload: bytes) -> Iterator[Found]:
    """Yield what of a message could become a tag: the values of its JSON, or itself."""
    levels = topic.split("/")
    device = topic.replace("/", "-")
    options: dict[str, object] = {"topic": topic}
    try:
        document = parse(payload)
    except ValueError:
        yield Found(levels, "value", device, {**options, "payload": Form.TEXT.value}, {}, _shown(payload), "plain text")
        return
    for path, value in _leaves(document, "$", 0):
        name = path.removeprefix("$").strip(".").replace(".", "_").replace("[", "_").replace("]", "") or "value"
        yield Found(levels, name, device, options, {"json": path}, str(value)[:_SHOWN], type(value).__name__)


def _leaves(document: object, path: str, depth: int) -> Iterator[tuple[str, object]]:
    """Yield the path and value of each number, text and truth of a document, not deeper than a person would look."""
    if isinstance(document, dict) and depth < 6:
        for key, value in list(document.items())[:200]:
            is_plain = bool(key) and not set(key) & set(".[]'\"* \t")
            yield from _leaves(value, f"{path}.{key}" if is_plain else f"{path}['{key}']", depth + 1)
    elif isinstance(document, list) and depth < 6:
        for place, value in enumerate(document[:20]):
            yield from _leaves(value, f"{path}[{place}]", depth + 1)
    elif isinstance(document, str | int | float):
        yield path, document
