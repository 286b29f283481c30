"""What is known of each edge node: whether it lives, what its aliases mean, and what of it is missing; pure.

A node says in its birth what its metrics are called and which number each has; later messages bear only the numbers
(Sparkplug 3.0, 6.4). So a message is understood only after a birth that was heard, and each message carries `seq`,
one more than the one before, so that a hole is seen. What was not heard is asked for again with a rebirth request,
now and then: a plant of nodes that are all asked at once, again and again, does nothing else any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from edge.drivers.sparkplug.payload import Metric, Payload

# nodes and devices, and metrics of each, beyond which what comes is counted and left out
MOST_SOURCES = 5_000
MOST_METRICS = 50_000


class Kind(StrEnum):
    """What a message is (Sparkplug 3.0, 4.1.3)."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"


class Source(NamedTuple):
    """Who speaks: a node itself, or a device of it."""

    group: str
    node: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric as a birth defined it."""

    name: str
    datatype: int


@dataclass(frozen=True, slots=True)
class Said:
    """One metric of a message, with its name and type."""

    definition: Definition
    metric: Metric
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Why, and since when, readings of a source are missing; until the message that told it."""

    source: Source
    since_us: int
    why: str


@dataclass(slots=True)
class Outcome:
    """What follows from one message.

    Attributes:
        said: Metrics that it gives a value to.
        dead: Sources that went with it.
        missing: What it shows to be missing.
        wants_birth: The node must say again what its metrics are.
        is_understood: It was part of what the node is known to say.
    """

    said: list[Said] = field(default_factory=list)
    dead: list[Source] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    wants_birth: bool = False
    is_understood: bool = True


@dataclass(slots=True)
class _State:
    """A node or device: its metrics by name and alias, and whether it lives; `since_us` says since when not."""

    by_name: dict[str, Definition] = field(default_factory=dict)
    by_alias: dict[int, Definition] = field(default_factory=dict)
    is_alive: bool = False
    since_us: int = 0


@dataclass(slots=True)
class _Node:
    """A node, with itself as the device "".

    Attributes:
        next_seq: What its next message must bear; None after a hole, until it is born again.
        bd_seq: Which birth this is: the death that belongs to it bears the same.
        heard_us: When its last message came.
        awaited: Devices that lived before its rebirth, and have not been born after it yet.
    """

    states: dict[str, _State] = field(default_factory=lambda: {"": _State()})
    next_seq: int | None = None
    bd_seq: int | None = None
    heard_us: int = 0
    awaited: set[str] = field(default_factory=set)


class Nodes:
    """All nodes of a connection.

    Attributes:
        left_out: Births of sources that are too many.
    """

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], _Node] = {}
        self._sources = 0
        self.left_out = 0

    def hear(self, kind: Kind, source: Source, payload: Payload, now_us: int) -> Outcome:
        """Take a message in the order in which it came."""
        node = self._nodes.get(source[:2])
        if node is None:
            if self._sources >= MOST_SOURCES:
                self.left_out += 1
                return Outcome(is_understood=False)
            self._sources += 1
            node = self._nodes[source[:2]] = _Node()
        match kind:
            case Kind.NBIRTH:
                outcome = self._node_birth(node, source, payload)
            case Kind.NDEATH:
                outcome = self._node_death(node, source, payload, now_us)
            case _:
                outcome = self._of_living(kind, node, source, payload, now_us)
        if outcome.is_understood and kind is not Kind.NDEATH:
            node.heard_us = now_us
        return outcome

    def lose_sight(self) -> None:
        """The session with the broker ended: what comes next does not continue what came before.

        That nobody hears a source is no death, and the station accounts for the time; who was gone is still gone.
        """
        for node in self._nodes.values():
            node.next_seq = None
            node.heard_us = 0
            node.awaited = set()
            for state in node.states.values():
                state.is_alive = False

    def unborn(self) -> list[Source]:
        """Return nodes that were heard of and whose birth was not heard in this session."""
        return [Source(*key) for key, node in self._nodes.items() if node.next_seq is None]

    def absent(self) -> list[tuple[Source, int]]:
        """Return sources that died and were not born again, with the time of their death."""
        return [
            (Source(*key, device), state.since_us)
            for key, node in self._nodes.items()
            for device, state in node.states.items()
            if not state.is_alive and state.since_us
        ]

    def _node_birth(self, node: _Node, source: Source, payload: Payload) -> Outcome:
        outcome = Outcome()
        bd_seq = _bd_seq(payload)
        state = node.states[""]
        if state.is_alive and node.bd_seq != bd_seq:
            # its death went unheard, and with it whatever it said before that
            outcome.missing.append(Missing(source, node.heard_us, "born again without a death"))
        if not state.is_alive and state.since_us:
            outcome.missing.append(Missing(source, state.since_us, "the node was gone, or its birth was not heard"))
        # devices live only after births of their own (6.4.19), which follow at once
        lived = {name for name, device in node.states.items() if name and device.is_alive}
        for name in lived:
            # of a life that ended unheard, what came before its end is missing too
            node.states[name].is_alive, node.states[name].since_us = False, bool(outcome.missing) * node.heard_us
        node.awaited = lived
        node.bd_seq = bd_seq
        node.next_seq = 1 if payload.seq is None else (payload.seq + 1) % 256
        self._define(state, payload.metrics)
        outcome.said = list(self._said(state, payload))
        return outcome

    def _node_death(self, node: _Node, source: Source, payload: Payload, now_us: int) -> Outcome:
        bd_seq = _bd_seq(payload)
        if node.bd_seq is not None and bd_seq is not None and bd_seq != node.bd_seq:
            # the will of an earlier life, published late (6.4.25)
            return Outcome(is_understood=False)
        outcome = Outcome()
        for name, state in node.states.items():
            if state.is_alive or not state.since_us:
                state.is_alive, state.since_us = False, now_us
                outcome.dead.append(Source(source.group, source.node, name))
        node.next_seq = None
        node.awaited = set()
        return outcome

    def _of_living(self, kind: Kind, node: _Node, source: Source, payload: Payload, now_us: int) -> Outcome:
        outcome = Outcome()
        if not node.states[""].is_alive:
            self._miss(node, "", now_us)
            self._miss(node, source.device, now_us)
            return Outcome(wants_birth=True, is_understood=False)
        self._count(node, source, payload, outcome)
        state = node.states.get(source.device)
        if kind is not Kind.DBIRTH and node.awaited:
            self._give_up(node, source, now_us, outcome)
        if kind is Kind.DBIRTH:
            node.awaited.discard(source.device)
            self._device_birth(node, state, source, payload, outcome)
        elif state is None or not state.is_alive:
            self._miss(node, source.device, now_us)
            outcome.wants_birth, outcome.is_understood = kind is not Kind.DDEATH, False
        elif kind is Kind.DDEATH:
            state.is_alive, state.since_us = False, now_us
            outcome.dead.append(source)
        else:
            outcome.said = list(self._said(state, payload))
            outcome.wants_birth |= len(outcome.said) < len(payload.metrics)
        return outcome

    def _device_birth(
        self, node: _Node, state: _State | None, source: Source, payload: Payload, outcome: Outcome
    ) -> None:
        state = state or self._new(node, source.device)
        if state is None:
            outcome.is_understood = False
            return
        if not state.is_alive and state.since_us:
            outcome.missing.append(Missing(source, state.since_us, "the device was gone, or its birth was not heard"))
        self._define(state, payload.metrics)
        outcome.said = list(self._said(state, payload))

    @staticmethod
    def _give_up(node: _Node, source: Source, now_us: int, outcome: Outcome) -> None:
        """Devices that were not born again with their node are gone."""
        for name in sorted(node.awaited):
            state = node.states[name]
            state.since_us = state.since_us or now_us
            outcome.dead.append(Source(source.group, source.node, name))
        node.awaited = set()

    def _new(self, node: _Node, device: str) -> _State | None:
        """Return the state of a device that was not heard of before; None if there are too many."""
        if self._sources >= MOST_SOURCES:
            self.left_out += 1
            return None
        self._sources += 1
        node.states[device] = _State()
        return node.states[device]

    def _miss(self, node: _Node, device: str, now_us: int) -> None:
        """Note since when a source says what nobody understands."""
        state = node.states.get(device) or self._new(node, device)
        if state is not None and not state.since_us:
            state.since_us = now_us

    @staticmethod
    def _count(node: _Node, source: Source, payload: Payload, outcome: Outcome) -> None:
        """Hold a message's number against the one before; after a hole nothing is counted until the next birth."""
        if node.next_seq is None:
            outcome.wants_birth = True
            return
        if payload.seq != node.next_seq:
            lost = "without a number" if payload.seq is None else f"{(payload.seq - node.next_seq) % 256} lost"
            why = f"message {payload.seq} came where {node.next_seq} was due ({lost})"
            outcome.missing = [
                Missing(Source(source.group, source.node, name), node.heard_us, why) for name in node.states
            ]
            outcome.wants_birth = True
            node.next_seq = None
            return
        node.next_seq = (node.next_seq + 1) % 256

    @staticmethod
    def _define(state: _State, metrics: Iterable[Metric]) -> None:
        state.by_name, state.by_alias = {}, {}
        for metric in metrics:
            if metric.name is None or len(state.by_name) >= MOST_METRICS:
                continue
            definition = Definition(metric.name, metric.datatype or 0)
            state.by_name[metric.name] = definition
            if metric.alias is not None:
                state.by_alias[metric.alias] = definition
        state.is_alive, state.since_us = True, 0

    @staticmethod
    def _said(state: _State, payload: Payload) -> Iterable[Said]:
        for metric in payload.metrics:
            if metric.name is not None:
                definition = state.by_name.get(metric.name)
            else:
                definition = state.by_alias.get(metric.alias) if metric.alias is not None else None
            if definition is not None:
                ts = payload.timestamp_ms if metric.timestamp_ms is None else metric.timestamp_ms
                yield Said(definition, metric, ts)


def _bd_seq(payload: Payload) -> int | None:
    """Return the number of a birth or death (6.4.5)."""
    for metric in payload.metrics:
        if metric.name == "bdSeq" and isinstance(metric.value, int):
            return metric.value
    return None
