"""Refusing: what becomes of a batch that the cloud will not take as it is; pure, the store does it in one transaction.

It is divided (dividing.py), or set aside and told as a gap of exactly the tags and times that are missing. Where the
cloud has another batch under the same identity, nothing is wrong with it but that: it goes on under another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from msgspec import structs

from edge.buffer import holes
from edge.buffer.dividing import Part, Suspects, tags_of
from edge.buffer.record import State
from edge.buffer.sealing import Sealed, span
from edge.ports import Lease
from shared.errors import WireError
from shared.reading import Gap, GapCause
from shared.wire import batch as wire
from shared.wire.batch import BatchId

# a batch without a sound reading is told by its times only
_MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """The cloud's word about a batch.

    Attributes:
        id: Which.
        reason: Why.
        is_whole: Whether it concerns the batch as such, so that there is nothing to look for in it.
    """

    id: BatchId
    reason: str
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of it: `parts` take its place, or it is set aside and `told`; None: by its times."""

    parts: Sequence[Sealed] = ()
    told: Sequence[Gap] | None = None


def judge(body: bytes, refusal: Refusal, suspects: Suspects, next_seq: int, now_us: int) -> Verdict:
    """Decide about a refused batch.

    Args:
        body: Its bytes.
        refusal: What the cloud said.
        suspects: The tags that were at fault before; learns of another.
        next_seq: The number that the first part gets.
        now_us: UTC microseconds.
    """
    try:
        batch = wire.decode(body)
        if refusal.is_whole:
            return Verdict(told=_told_whole(batch, refusal.reason, now_us))
        parts = [_sealed(batch, part, next_seq + index) for index, part in enumerate(suspects.divide(batch))]
    except WireError:
        # not ours to read: written by another version
        return Verdict()
    if parts:
        return Verdict(parts)
    part = Part(batch.tags, batch.readings, batch.gaps)
    suspects.set_aside(part)
    return Verdict(told=told(part, f"the cloud refuses it: {refusal.reason}", now_us))


class Renaming:
    """The batches that got another identity, because the cloud had another one under theirs.

    That is so where two machines use copies of one buffer: one was cloned, or went back to a snapshot. Nothing is wrong
    with what is in the batch. It goes on under an epoch that nobody else has, and so does all that is sealed later.
    """

    def __init__(self) -> None:
        self._names: set[BatchId] = set()

    def concerns(self, refusal: Refusal) -> bool:
        """Whether the batch is to get another identity; one that has got one already is a matter of another kind."""
        return refusal.is_whole and refusal.id not in self._names

    def state_after(self, refusal: Refusal, state: State) -> State:
        """Return the state with an epoch that is not the refused batch's."""
        return structs.replace(state, epoch=uuid4()) if refusal.id.epoch == state.epoch else state

    def judge(self, body: bytes, refusal: Refusal, state: State, times: tuple[int, int]) -> Verdict:
        """Let it go on under the next name that there is; `times` are the span of receive times in it."""
        name = BatchId(state.gateway, state.epoch, state.next_seq(refusal.id.lane))
        try:
            fresh = wire.renamed(body, name)
        except WireError:
            return Verdict()
        self._names.add(name)
        head = wire.header(fresh)
        return Verdict([Sealed(Lease(name, fresh, head.rows, head.sealed_us), *times)])

    def forget(self, settled: Sequence[BatchId]) -> None:
        """These are where they belong."""
        self._names.difference_update(settled)


def _sealed(batch: wire.Batch, part: Part, seq: int) -> Sealed:
    # sealed when the whole was: by that time the cloud knows which of two descriptions of a tag is the newer one
    name, sealed_us = replace(batch.header.id, seq=seq), batch.header.sealed_us
    body = wire.encode(name, sealed_us, part.tags, part.readings, part.gaps)
    return Sealed(Lease(name, body, len(part.readings), sealed_us), *span(part.readings, sealed_us))


def _told_whole(batch: wire.Batch, reason: str, now_us: int) -> list[Gap]:
    # its gaps are in order and must not go down with it: under another number the cloud takes them
    told = list(batch.gaps)
    if len(batch.readings):
        times = batch.readings.ts
        detail = f"the cloud refuses the batch as such: {reason}"
        told.append(holes.lost(GapCause.REFUSED, int(times.min()), int(times.max()), now_us, detail))
    return told


def told(part: Part, detail: str, now_us: int) -> list[Gap] | None:
    """Return the gaps that tell exactly what is missing; None if the part has too many tags for that."""
    tags = tags_of(part)
    if len(tags) > _MOST_TOLD:
        return None
    gaps: list[Gap] = []
    for index, tag in enumerate(part.tags):
        times = part.readings.ts[part.readings.tag == index]
        if len(times):
            gap = holes.lost(GapCause.REFUSED, int(times.min()), int(times.max()), now_us, detail)
            gaps.append(replace(gap, device=tag.device, tag=tag.name))
    # a hole that the cloud does not take as it was told is told in the plainest way; and if not even so, not again
    gaps += [
        replace(gap, cause=GapCause.REFUSED, detail=f"{gap.cause}, told otherwise, for the cloud refused it")
        for gap in part.gaps
        if gap.cause is not GapCause.REFUSED
    ]
    return gaps
