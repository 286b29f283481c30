"""Owns the holes of a connection that still go on: begun on disk, ended or closed when that can be told; pure.

A hole that begins is told at once, so that a gateway that dies within it has not kept it to itself. It ends when the
device is read again. Of a device whose source keeps what we miss it goes on until the driver has said what came of it:
then it is closed, or it ends, or narrower gaps take its place.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from edge.acquisition.watch import fit
from edge.ports import Settled
from shared.reading import ClosedBy, Gap


class Outages:
    """Remembers the open gaps, at most one of a device, or one each of some of its tags.

    Args:
        inherited: Those that an earlier life left open.
        draw: Gives each new one its name.
    """

    def __init__(self, inherited: Iterable[Gap] = (), draw: Callable[[], UUID] = uuid4) -> None:
        self._open = {(gap.device, gap.tag): gap for gap in inherited}
        self._draw = draw
        # devices of which a part stays missing, since they were last whole
        self._parted: set[str | None] = set()

    def begin(self, gaps: Iterable[Gap]) -> list[Gap]:
        """Open these, but for devices that have one open; return what is to be recorded."""
        taken = {device for device, tag in self._open if tag is None}
        fresh = [replace(gap, id=self._draw(), is_open=True) for gap in gaps if gap.device not in taken]
        self._open.update({(gap.device, gap.tag): gap for gap in fresh})
        self._parted -= {gap.device for gap in fresh}
        return fresh

    def end(self, devices: Collection[str], until_us: int, detail: str = "") -> list[Gap]:
        """End those of these devices, for people in these words; what is missing in them stays missing."""
        ending = [self._open.pop(key) for key in list(self._open) if key[0] in devices]
        return [_ended(replace(gap, detail=detail or gap.detail), until_us) for gap in ending]

    def told(self, gaps: Iterable[Gap]) -> list[Gap]:
        """Return what a driver tells, under the name of the open gap where it tells what became of that."""
        return [self._named(gap) for gap in gaps]

    def settle(self, words: Iterable[Settled], now_us: int) -> list[Gap]:
        """Close or end what a driver says is settled."""
        return [gap for word in words for gap in self._settle(word, now_us)]

    def step(self, old_us: int, new_us: int) -> list[Gap]:
        """The clock was set: end what goes on by its old time, and let it go on by its new one."""
        ended = [_ended(gap, old_us) for gap in self._open.values()]
        fresh = [replace(gap, id=self._draw(), revision=1, from_us=new_us, to_us=new_us) for gap in self._open.values()]
        self._open = {(gap.device, gap.tag): gap for gap in fresh}
        return [*ended, *fresh]

    def rebase(self, since_us: int, delta_us: int) -> list[Gap]:
        """The clock was not set from then until now: what began meanwhile began so much later."""
        moved = [
            replace(gap, revision=gap.revision + 1, from_us=gap.from_us + delta_us, to_us=gap.to_us + delta_us)
            for gap in self._open.values()
            if gap.from_us > since_us
        ]
        self._open.update({(gap.device, gap.tag): gap for gap in moved})
        return moved

    def _named(self, gap: Gap) -> Gap:
        if gap.tag is not None:
            self._parted.add(gap.device)
            return gap
        mine = self._open.pop((gap.device, None), None)
        if mine is None:
            return gap
        from_us = min(gap.from_us, mine.from_us)
        return replace(gap, id=mine.id, revision=mine.revision + 1, from_us=from_us, detail=gap.detail or mine.detail)

    def _settle(self, word: Settled, now_us: int) -> list[Gap]:
        mine = self._open.pop((word.device, word.tag), None)
        if mine is None:
            return []
        if word.waiting:
            fresh = [tag for tag in word.waiting if (word.device, tag) not in self._open]
            rest = [replace(mine, id=self._draw(), revision=1, tag=tag) for tag in fresh]
            self._open.update({(gap.device, gap.tag): gap for gap in rest})
            return [_closed(mine, ClosedBy.SPLIT, now_us), *rest]
        if word.by is None:
            return [_ended(mine, now_us)]
        is_parted = word.tag is None and word.device in self._parted
        return [_closed(mine, ClosedBy.SPLIT if is_parted else word.by, now_us)]


def _ended(gap: Gap, until_us: int) -> Gap:
    return fit(replace(gap, revision=gap.revision + 1, to_us=until_us, is_open=False))


def _closed(gap: Gap, by: ClosedBy, now_us: int) -> Gap:
    ended = _ended(gap, now_us)
    return replace(ended, closed_us=ended.to_us, closed_by=by)


def unclaimed(gaps: Sequence[Gap], devices: Collection[str], until_us: int) -> list[Gap]:
    """Return the ends of open gaps of devices that nobody reads any more."""
    return [_ended(gap, until_us) for gap in gaps if gap.device not in devices]
