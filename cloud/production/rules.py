"""Owns how states come about: readings and rules make a base, and what people say is laid over it. Pure.

Times are microseconds since 1970 UTC; a state without an end lasts until `FOREVER`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cloud.kpi.elements import RUNNING
from cloud.kpi.spans import Span, minus, pieces, union
from cloud.production.schemas import Condition, Rule, StateSource
from cloud.telemetry.schemas import Doubt, RuntimeStatus
from shared.reading import MachineState, Quality

FOREVER = 2**62

# A gateway that is well sends something, if only a sign of life, every minute, and one of another make, configured
# as we recommend (`publish.heartbeat: 5min`), every five; one that is not heard for longer vouches for nothing.
SILENT_AFTER = timedelta(minutes=6)
STATUS_OF: Mapping[MachineState, RuntimeStatus] = {
    MachineState.PRODUCING: RuntimeStatus.RUNNING,
    MachineState.PRODUCING_SLOW: RuntimeStatus.RUNNING,
    MachineState.SETUP: RuntimeStatus.SETUP,
    MachineState.IDLE: RuntimeStatus.IDLE,
    MachineState.STARVED: RuntimeStatus.IDLE,
    MachineState.BLOCKED: RuntimeStatus.IDLE,
    MachineState.HELD: RuntimeStatus.IDLE,
    MachineState.PLANNED_STOP: RuntimeStatus.IDLE,
    MachineState.FAULTED: RuntimeStatus.DOWN,
    MachineState.MAINTENANCE: RuntimeStatus.MAINTENANCE,
    MachineState.OFF: RuntimeStatus.OFFLINE,
    MachineState.NO_DATA: RuntimeStatus.UNKNOWN,
}

_WITHOUT_REASON = RUNNING | {MachineState.NO_DATA}

Value = float | str


@dataclass(frozen=True, slots=True)
class Said:
    """A reading, as far as states care."""

    at: int
    tag: int
    value: Value | None
    quality: int = Quality.GOOD
    n: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """What a machine did, and who says so."""

    span: Span
    state: MachineState
    source: StateSource = StateSource.TAG
    reason: int | None = None
    told: int | None = None

    @property
    def content(self) -> tuple[MachineState, StateSource, int | None, int | None]:
        """Everything but when."""
        return self.state, self.source, self.reason, self.told


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says of a stretch of time; one that `goes_on` was said without an end."""

    id: int
    span: Span
    source: StateSource
    state: MachineState | None = None
    reason: int | None = None
    goes_on: bool = False

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Who is believed: who says until when, then a person before a file, and the newest word of either."""
        return not self.goes_on, self.source is StateSource.OPERATOR, self.id


Reader = Callable[[Mapping[int, Said]], tuple[MachineState, StateSource] | None]
"""Given the newest reading of each tag, the state; None where they say nothing at all."""


def by_tags(tags: Iterable[int], meaning: Callable[[Value | None], MachineState | None]) -> Reader:
    """Return how tags that mean `state` tell it: the newest of them speaks, and what it cannot vouch for is no data."""
    wanted = frozenset(tags)

    def read(newest: Mapping[int, Said]) -> tuple[MachineState, StateSource] | None:
        said = max((newest[tag] for tag in wanted & newest.keys()), key=lambda each: (each.at, each.tag), default=None)
        if said is None:
            return None
        state = None if said.quality == Quality.BAD else meaning(said.value)
        return state or MachineState.NO_DATA, StateSource.TAG

    return read


def by_rules(
    rules: Sequence[Rule], otherwise: MachineState | None, tag_of: Callable[[Condition], int | None]
) -> Reader:
    """Return how rules tell a state: the first that holds; a tag that says nothing usable makes it no data."""

    def read(newest: Mapping[int, Said]) -> tuple[MachineState, StateSource] | None:
        if not newest:
            return None
        for rule in rules:
            verdicts = [_holds(condition, newest.get(tag_of(condition) or -1)) for condition in rule.when]
            if None in verdicts:
                return MachineState.NO_DATA, StateSource.RULE
            if all(verdicts):
                return rule.state, StateSource.RULE
        return (otherwise, StateSource.RULE) if otherwise is not None else None

    return read


def base(before: Iterable[Said], readings: Iterable[Said], read: Reader, window: Span) -> list[Segment]:
    """Return what readings say of a window.

    Args:
        before: The newest reading of each tag before the window.
        readings: Those in it, in any order, any of them repeated.
        read: How they tell the state.
        window: From its beginning the state holds that was said before it; in its end nothing changes any more.
    """
    newest = {each.tag: each for each in before}
    found: list[Segment] = []
    since, state = window.start, read(newest)
    ordered = sorted(set(readings), key=lambda each: (each.at, each.tag, each.n, str(each.value), each.quality))
    for position, said in enumerate(ordered):
        newest[said.tag] = said
        if position + 1 < len(ordered) and ordered[position + 1].at == said.at:
            continue
        changed = read(newest)
        if changed != state:
            if state is not None and since < said.at:
                found.append(Segment(Span(since, said.at), *state))
            since, state = said.at, changed
    if state is not None and since < window.end:
        found.append(Segment(Span(since, window.end), *state))
    return found


def without(segments: Iterable[Segment], holes: Sequence[Span]) -> list[Segment]:
    """Return the segments with the holes in the readings as what they are: no data."""
    found: list[Segment] = []
    cut = union(holes)
    starts, ends = [each.start for each in cut], [each.end for each in cut]
    for segment in segments:
        # a line that is cut all the time has thousands of holes, of which a segment meets few
        met = cut[bisect_right(ends, segment.span.start) : bisect_left(starts, segment.span.end)]
        seen = minus([segment.span], met)
        found += [replace(segment, span=span) for span in seen]
        found += [
            Segment(span, MachineState.NO_DATA, segment.source) for span in minus([segment.span], seen) if span.length
        ]
    return joined(found)


def overlay(segments: Sequence[Segment], told: Iterable[Told], window: Span) -> list[Segment]:
    """Lay over what was read what people say; of two words on one moment the better holds, state and reason apart."""
    words = sorted(told, key=lambda each: each.span)
    spans = [*(each.span for each in segments), *(each.span for each in words)]
    edges = [edge for span in spans for edge in (span.start, span.end)]
    found: list[Segment] = []
    at = _finder(segments)
    heard: list[Told] = []
    position = 0
    for span in pieces(window, edges):
        # pieces come in order, so only what has begun and not ended is looked at: a file says thousands of words
        while position < len(words) and words[position].span.start <= span.start:
            heard.append(words[position])
            position += 1
        heard = [each for each in heard if each.span.holds(span.start)]
        state = max((each for each in heard if each.state is not None), key=lambda each: each.rank, default=None)
        reason = max((each for each in heard if each.reason is not None), key=lambda each: each.rank, default=None)
        read = at(span.start)
        doing = state.state if state is not None else read.state if read is not None else None
        # there is a reason for standing still; a machine that ran, or that nobody saw, has none
        why = reason.reason if reason is not None and doing not in _WITHOUT_REASON else None
        if state is not None and state.state is not None:
            found.append(Segment(span, state.state, state.source, why, state.id))
        elif read is not None:
            found.append(replace(read, span=span, reason=why))
    return joined(found)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest reading of a tag; until when its gateway vouches for it, microseconds, None where it never spoke."""

    said: Said
    heard: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a machine is doing; `doubt` says why it is not known."""

    status: RuntimeStatus
    state: MachineState | None = None
    doubt: Doubt | None = None


def present(
    newest: Sequence[Newest],
    read: Reader | None,
    meaning: Callable[[Value | None], MachineState | None] | None,
    now: int,
) -> Verdict:
    """Return what a machine is doing, by its readings: what is derived of the present, without waiting for that.

    A state that nobody can vouch for any more - its gateway is silent, its quality bad - is unknown, not the last one
    repeated; `offline` is only said of a machine that reports itself to be off.

    Args:
        newest: The newest reading of each tag that its state is read from; none if there are none.
        read: How they tell the state.
        meaning: What a tag's word stands for; None where rules tell the state.
        now: Microseconds.
    """
    if not newest or read is None:
        return Verdict(RuntimeStatus.UNKNOWN, doubt=Doubt.NO_STATE_TAG)
    speaking = max(newest, key=lambda each: (each.said.at, each.said.tag))
    if speaking.heard is None or now - speaking.heard > SILENT_AFTER // timedelta(microseconds=1):
        return Verdict(RuntimeStatus.UNKNOWN, doubt=Doubt.GATEWAY_SILENT)
    found = read({each.said.tag: each.said for each in newest})
    if found is None:
        return Verdict(RuntimeStatus.UNKNOWN, doubt=Doubt.NOT_A_STATE)
    state = found[0]
    if state is not MachineState.NO_DATA:
        return Verdict(STATUS_OF[state], state)
    # rules want several tags, and one of them says nothing usable
    doubt = _doubt([each.said for each in newest] if meaning is None else [speaking.said], meaning)
    return Verdict(RuntimeStatus.UNKNOWN, state if doubt is Doubt.NO_DATA else None, doubt)


def _doubt(said: Iterable[Said], meaning: Callable[[Value | None], MachineState | None] | None) -> Doubt:
    for each in said:
        if each.quality == Quality.BAD:
            return Doubt.BAD_QUALITY
        if meaning is not None and meaning(each.value) is None:
            return Doubt.NOT_A_STATE
    return Doubt.NO_DATA


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """Return segments in order, with neighbours that say the same as one."""
    found: list[Segment] = []
    for segment in sorted((each for each in segments if each.span.length), key=lambda each: each.span):
        if found and found[-1].span.end == segment.span.start and found[-1].content == segment.content:
            found[-1] = replace(segment, span=Span(found[-1].span.start, segment.span.end))
        else:
            found.append(segment)
    return found


def spliced(kept: Iterable[Segment], window: Span, derived: Sequence[Segment]) -> list[Segment]:
    """Return what is kept outside of a window, and what was derived inside of it."""
    outside = [
        replace(each, span=part)
        for each in kept
        for part in (
            Span(each.span.start, min(each.span.end, window.start)),
            Span(max(each.span.start, window.end), each.span.end),
        )
        if part.start < part.end
    ]
    return joined([*outside, *derived])


def _holds(condition: Condition, said: Said | None) -> bool | None:
    if said is None or said.quality == Quality.BAD or said.value is None:
        return None
    value = said.value
    if condition.equals is not None and value != condition.equals:
        return False
    if condition.above is None and condition.below is None:
        return True
    if isinstance(value, str):
        return None
    return (condition.above is None or value > condition.above) and (condition.below is None or value < condition.below)


def _finder(segments: Sequence[Segment]) -> Callable[[int], Segment | None]:
    """Return what finds the segment of ever later moments."""
    position = 0

    def at(moment: int) -> Segment | None:
        nonlocal position
        while position < len(segments) and segments[position].span.end <= moment:
            position += 1
        found = segments[position] if position < len(segments) else None
        return found if found is not None and found.span.start <= moment else None

    return at
