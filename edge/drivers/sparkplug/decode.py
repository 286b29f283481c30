"""From Sparkplug messages to readings, gaps, and nodes that must be asked again; pure.

Nothing that a message holds may raise: what cannot be understood is counted, and asked for again if that can help.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.drivers.broker.packets import Message
from edge.drivers.broker.rows import Rows, Trouble
from edge.drivers.sparkplug.nodes import Kind, Nodes, Outcome, Said, Source
from edge.drivers.sparkplug.payload import BadPayload, decode
from edge.drivers.sparkplug.plan import NAMESPACE, Plan
from edge.drivers.sparkplug.values import NO_VALUE, told
from edge.ports import BEFORE_US
from shared.reading import Flag, Gap, GapCause, Quality, Readings

# the property Quality (Sparkplug 3.0, 6.4.17): OPC's codes, and 500 for a value that is no longer up to date
_STALE = 500
_GOOD, _UNCERTAIN = 192, 64
_KINDS = frozenset(Kind)
# what the readings' columns hold
_LATEST_US = 2**62


@dataclass(slots=True)
class Counts:
    """What was seen since the start, in messages.

    Attributes:
        messages: All of them.
        malformed: No Sparkplug B payload, or too large.
        unrouted: Of nodes that nothing is taken from, commands, and what a broker had retained.
        unborn: Not understood, as the birth was not heard.
        holes: Holes in the nodes' numbering.
        late_deaths: Deaths of an earlier life.
        rebirths: Requests sent.
    """

    messages: int = 0
    malformed: int = 0
    unrouted: int = 0
    unborn: int = 0
    holes: int = 0
    late_deaths: int = 0
    rebirths: int = 0


@dataclass(slots=True)
class Heard:
    """What came of a batch of messages: readings, gaps, nodes to be asked for their birth, and those that were born."""

    readings: Readings
    gaps: list[Gap] = field(default_factory=list)
    wanted: set[Source] = field(default_factory=set)
    born: set[Source] = field(default_factory=set)


class Decoder:
    """Understands one connection's messages, in the order in which they come."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.nodes = Nodes()
        self.counts = Counts()

    def decode(self, messages: Sequence[Message]) -> Heard:
        """Take messages; a row for each metric that somebody wants."""
        rows = Rows()
        heard = Heard(rows.readings())
        for message in messages:
            self.counts.messages += 1
            parsed = topic(message.topic)
            if parsed is None or message.is_retained or not self.plan.wants(parsed[1]):
                self.counts.unrouted += 1
                continue
            self._hear(*parsed, message, rows, heard)
        heard.readings = rows.readings()
        return heard

    def gaps_of_absent(self, now_us: int) -> list[Gap]:
        """Return a gap for each device that is gone, until now: for the end of this process."""
        return [
            Gap(GapCause.COMMUNICATION_LOST, since_us, now_us, device, None, "gone, and not back yet")
            for source, since_us in self.nodes.absent()
            for device in self.plan.devices(source)
        ]

    def _hear(self, kind: Kind, source: Source, message: Message, rows: Rows, heard: Heard) -> None:
        node = Source(source.group, source.node)
        try:
            payload = decode(message.payload) if message.payload is not None else None
        except BadPayload:
            payload = None
        if payload is None:
            self.counts.malformed += 1
            # its number is lost with it, and whatever it defined
            heard.wanted.add(node)
            return
        outcome = self.nodes.hear(kind, source, payload, message.received_us)
        if outcome.wants_birth:
            heard.wanted.add(node)
        if not outcome.is_understood:
            if kind is Kind.NDEATH:
                self.counts.late_deaths += 1
            else:
                self.counts.unborn += 1
        if kind is Kind.NBIRTH:
            heard.wanted.discard(node)
            heard.born.add(node)
        self._tell_missing(outcome, message.received_us, heard)
        for dead in outcome.dead:
            rows.fail([place for _, place in self.plan.expected(dead)], Trouble.GONE, message.received_us)
        said = {name for each in outcome.said for name in self._say(source, each, message.received_us, rows)}
        if kind in {Kind.NBIRTH, Kind.DBIRTH} and outcome.is_understood:
            rows.fail(self._not_born(source, said, outcome), Trouble.MISSING, message.received_us)

    def _tell_missing(self, outcome: Outcome, now_us: int, heard: Heard) -> None:
        for missing in outcome.missing:
            self.counts.holes += missing.source.device == ""
            heard.gaps += [
                Gap(GapCause.COMMUNICATION_LOST, missing.since_us or BEFORE_US, now_us, device, None, missing.why)
                for device in self.plan.devices(missing.source)
            ]

    def _say(self, source: Source, said: Said, received_us: int, rows: Rows) -> list[str]:
        """Add a row for each value of a metric; return their names."""
        metric, definition = said.metric, said.definition
        ts = (said.timestamp_ms or 0) * 1000
        flags = 0
        if not 0 < ts < _LATEST_US:
            flags = 0 if said.timestamp_ms is None else int(Flag.SOURCE_TIME_REPLACED)
            ts = 0
        names = []
        for name, value in told(definition.name, metric.datatype or definition.datatype, metric):
            names.append(name)
            for place in self.plan.of(source, name):
                # what is no reading at all is refused by its type
                raw: object = value if value is not NO_VALUE else ()
                rows.extend([place], rows.checked([raw]), ts, received_us, flags)
                if metric.quality is not None and value is not None and value is not NO_VALUE:
                    rows.tell(*quality_of(metric.quality))
        return names

    def _not_born(self, source: Source, said: set[str], outcome: Outcome) -> list[int]:
        """Return the places of tags whose metrics a birth does not name."""
        born = {each.definition.name for each in outcome.said}
        return [
            place
            for metric, place in self.plan.expected(source)
            if metric not in said and not any(metric.startswith(f"{name}/") for name in born)
        ]


def topic(text: str) -> tuple[Kind, Source] | None:
    """Read a topic; None if it is not that of a birth, death or data."""
    parts = text.split("/")
    if len(parts) not in {4, 5} or parts[0] != NAMESPACE or parts[2] not in _KINDS:
        return None
    kind = Kind(parts[2])
    if kind.startswith("D") != (len(parts) == 5) or not all(parts):
        return None
    return kind, Source(parts[1], parts[3], parts[4] if len(parts) == 5 else "")


def quality_of(told: int) -> tuple[Quality, int]:
    """Return the quality of a code, and the status of the reading."""
    if told == 0:
        return Quality.BAD, int(Trouble.POOR)
    if told == _STALE or told > 255 or told < _UNCERTAIN:
        return Quality.BAD, told
    return (Quality.GOOD, 0) if told >= _GOOD else (Quality.UNCERTAIN, told)
