"""What one look at a Sparkplug plant has understood so far: who was born, and the last value of each metric; pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from edge.drivers.broker.packets import Message
from edge.drivers.sparkplug.decode import quality_of, topic
from edge.drivers.sparkplug.nodes import Kind, Nodes, Source
from edge.drivers.sparkplug.payload import BadPayload, DataType, decode
from edge.drivers.sparkplug.values import NO_VALUE, told
from shared.reading import Quality

# metrics that are kept to be shown
_MOST = 20_000
_TYPES = {int(datatype): datatype.name.lower() for datatype in DataType}


@dataclass(frozen=True, slots=True)
class Value:
    """A metric's last value, with its type's name, its time in microseconds and the quality that the node gives it."""

    value: float | str | None
    datatype: str
    ts_us: int | None
    quality: Quality
    code: str


class Look:
    """Takes messages in the order in which they come.

    Attributes:
        values: By source and metric.
        nodes_heard: Every node that said anything, born or not.
        hosts: Host application to what it says of itself.
        malformed: Messages that are no Sparkplug B.
    """

    def __init__(self) -> None:
        self._nodes = Nodes()
        self.values: dict[tuple[Source, str], Value] = {}
        self.nodes_heard: dict[Source, None] = {}
        self.hosts: dict[str, str] = {}
        self.malformed = 0

    def take(self, message: Message) -> Source | None:
        """Take one; return the node if its birth is wanted to understand it."""
        parts = message.topic.split("/")
        if "STATE" in parts[:2]:
            self.hosts[parts[-1]] = "online" if _is_online(message.payload) else "offline"
            return None
        parsed = topic(message.topic)
        if parsed is None or message.is_retained:
            return None
        kind, source = parsed
        node = Source(source.group, source.node)
        if len(self.nodes_heard) < _MOST:
            self.nodes_heard[node] = None
        try:
            payload = decode(message.payload or b"")
        except BadPayload:
            self.malformed += 1
            return None
        outcome = self._nodes.hear(kind, source, payload, message.received_us)
        for said in outcome.said:
            metric, definition = said.metric, said.definition
            datatype = metric.datatype or definition.datatype
            ts_us = said.timestamp_ms * 1000 if said.timestamp_ms else None
            for name, raw in told(definition.name, datatype, metric):
                if len(self.values) < _MOST or (source, name) in self.values:
                    self.values[source, name] = _value(raw, datatype, ts_us, metric.quality)
        return node if outcome.wants_birth and kind is not Kind.NDEATH else None

    def metrics(self, source: Source) -> Mapping[str, Value]:
        """Return what is known of one node or device; empty if it was not born."""
        return {name: value for (of, name), value in self.values.items() if of == source}

    def sources(self) -> list[Source]:
        """Return the nodes and devices that were understood, in the order in which they were."""
        return list(dict.fromkeys(source for source, _ in self.values))


def _value(raw: object, datatype: int, ts_us: int | None, told_quality: int | None) -> Value:
    kind = _TYPES.get(datatype, f"type {datatype}")
    if raw is None or raw is NO_VALUE:
        return Value(None, kind, ts_us, Quality.BAD, "null" if raw is None else "no reading can hold it")
    quality, status = (Quality.GOOD, 0) if told_quality is None else quality_of(told_quality)
    value = raw if isinstance(raw, str) else float(raw) if isinstance(raw, int | float) else None
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return Value(None, kind, ts_us, Quality.BAD, "not finite")
    return Value(value, kind, ts_us, quality, f"quality {told_quality}" if status else "")


def _is_online(payload: bytes | None) -> bool:
    try:
        said = json.loads(payload or b"")
    except (ValueError, RecursionError):
        return payload == b"ONLINE"
    return isinstance(said, dict) and said.get("online") is True
