"""The lanes of tags: which queue a tag's readings stand in, and how a block of many tags is parted."""

from collections.abc import Mapping, Sequence

import numpy as np

from shared.reading import Readings
from shared.wire.lane import Lane


class Lanes:
    """The lane of each tag id; of one that was never told, `process`."""

    def __init__(self) -> None:
        self._of = np.zeros(0, np.uint8)
        # the lane of all tags, if it is one
        self._only: Lane | None = Lane.PROCESS

    def tell(self, lanes: Mapping[int, Lane], count: int) -> None:
        """Set the lanes of some of `count` ids."""
        grown = np.full(max(count, len(self._of)), Lane.PROCESS, np.uint8)
        grown[: len(self._of)] = self._of
        for tag_id, lane in lanes.items():
            grown[tag_id] = lane
        self._of = grown
        used = np.unique(grown)
        self._only = Lane(int(used[0])) if len(used) == 1 else None

    def part(self, readings: Readings) -> dict[Lane, Readings]:
        """Return the readings of each lane that has some, in their order."""
        if not len(readings):
            return {}
        if self._only is not None:
            return {self._only: readings}
        lanes = self._of[readings.tag]
        if (lanes == lanes[0]).all():
            return {Lane(int(lanes[0])): readings}
        rows = {lane: np.flatnonzero(lanes == lane) for lane in Lane}
        return {lane: readings.take(which) for lane, which in rows.items() if len(which)}


def joined(blocks: Mapping[Lane, Sequence[Readings]]) -> list[Readings]:
    """Return the blocks of all lanes, lane by lane."""
    return [block for each in blocks.values() for block in each]
