"""The lane: in which of three queues a batch waited, told by its number."""

from enum import IntEnum

# Decimal, so that people read the lane off a number; all lanes stay below 2^53, which JSON readers hold exactly.
# At a thousand batches a second a lane is used up after thirty thousand years.
SPAN = 10**15


class Lane(IntEnum):
    """A queue of its own in a gateway's buffer, by the class of its tags, with batch numbers of its own.

    Batch `number` of lane `n` has the `seq` n x 10^15 + number. Gateways that knew no lanes numbered as `PROCESS` does.
    """

    PROCESS = 0
    STATE = 1
    DEBUG = 2

    @classmethod
    def of(cls, seq: int) -> "Lane":
        """Return the lane of a batch; numbers beyond the last lane's own count to that one."""
        return cls(min(seq // SPAN, len(cls) - 1))

    def seq(self, number: int) -> int:
        """Return what the lane's so-many-th batch is called."""
        return self * SPAN + number

    @property
    def seqs(self) -> tuple[int, int]:
        """The first and the last `seq` it may give."""
        return self * SPAN, 2**63 - 1 if self is max(Lane) else (self + 1) * SPAN - 1


# what is sent first
URGENCY = (Lane.STATE, Lane.PROCESS, Lane.DEBUG)
