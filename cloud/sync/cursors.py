"""Owns what a pull's cursor holds: whose it is, of which server, and how far they have come. Pure."""

from dataclasses import dataclass, replace
from typing import Self

from cloud import messages, paging
from cloud.errors import Invalid
from cloud.feed import Horizon, Position
from cloud.identity.schemas import Caller, Role

_KINDS = [int, int, bool, int, int, int, int]
# of a first pull, which reads what there is before it reads what changes
DONE = -1


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far somebody has come.

    Attributes:
        server: Whose transactions `position` counts.
        user_id: Whose it is: what others see is not what they see.
        is_worker: Whether it was a worker's, who sees less.
        position: In the feed, where to go on when everything there was has been read.
        source: Which kind of thing is being read for the first time; DONE when all are.
        after: The last id of that kind that was read.
    """

    server: int
    user_id: int
    is_worker: bool
    position: Position
    source: int = DONE
    after: int = 0

    @classmethod
    def beginning(cls, caller: Caller, horizon: Horizon) -> Self:
        """Return the cursor of somebody who knows nothing yet."""
        return cls(horizon.server, caller.user_id, caller.role is Role.WORKER, horizon.end, source=0)

    @classmethod
    def now(cls, caller: Caller, horizon: Horizon) -> Self:
        """Return the cursor of somebody who wants to know only what happens from now on."""
        return replace(cls.beginning(caller, horizon), source=DONE)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what a cursor says.

        Raises:
            Invalid: It is none.
        """
        server, user_id, is_worker, xid, row_id, source, after = paging.decode(text, _KINDS)
        if not (0 <= xid < 2**63 and 0 <= row_id < 2**63 and DONE <= source < 100 and 0 <= after < 2**31):
            raise Invalid(messages.CURSOR_INVALID)
        return cls(server, user_id, is_worker, Position(xid, row_id), source, after)

    def __str__(self) -> str:
        """Return the text that stands for it."""
        place = [self.position.xid, self.position.id, self.source, self.after]
        return paging.encode([self.server, self.user_id, self.is_worker, *place])

    def can_go_on(self, caller: Caller, horizon: Horizon) -> bool:
        """Return whether it is this caller's, with the same sight, and of this server's past."""
        is_theirs = (self.user_id, self.is_worker) == (caller.user_id, caller.role is Role.WORKER)
        return is_theirs and self.server == horizon.server and self.position.xid <= horizon.newest
