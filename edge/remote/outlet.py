"""The outlet: one destination at work - its shipper, its signs of life, and what its cloud wants done.

Each has a link, a back-off, a pace and a token of its own; nothing of one waits for another.
"""

import asyncio
from collections.abc import Callable

from edge.clock import Clock
from edge.ports import FIRST, Lender, Sign
from edge.remote.errands import Configuring, Errands
from edge.remote.line import Line
from edge.remote.renewal import Renewal
from edge.sync.pace import Pace
from edge.sync.presence import Presence
from edge.sync.shipper import Shipper


class Outlet:
    """Built from a line and a lender; nothing happens before `begin`.

    Args:
        line: To its cloud; closed by whoever made it.
        lender: Lends what it is owed.
        clock: Time.
        sign: Says how the gateway is, as this cloud is to know it.
        configuring: What takes up configurations; None for a cloud that may set none.

    Attributes:
        name: The destination's.
        shipper: Brings batches.
        errands: What its cloud wants.
    """

    def __init__(
        self, line: Line, lender: Lender, clock: Clock, sign: Callable[[], Sign], configuring: Configuring | None = None
    ) -> None:
        options = line.destination.options
        max_rate = options.backlog.max_rate
        pace = Pace(max_rate, clock) if max_rate is not None else None
        self.name = line.destination.name
        self.shipper = Shipper(
            lender, line.uplink, clock, max_in_flight=options.max_in_flight, pace=pace, fit=line.fit, name=self.name
        )
        self.errands = Errands(Renewal(line.office, line.tokens, line.client), configuring)
        self._presence = Presence(line.uplink, self.shipper.link, sign, clock, self.errands.heed)
        self._tasks: list[asyncio.Task[None]] = []
        self._shipping: asyncio.Task[None]

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Ship, greet and run errands as tasks of the gateway's."""
        suffix = "" if self.name == FIRST else f"-{self.name}"
        self._shipping = tasks.create_task(self.shipper.run(), name=f"shipper{suffix}")
        self._tasks = [
            tasks.create_task(self._presence.run(), name=f"presence{suffix}"),
            tasks.create_task(self.errands.run(), name=f"errands{suffix}"),
        ]

    def rest(self) -> None:
        """Greet no more and run no errands; what was taken still goes."""
        for task in self._tasks:
            task.cancel()

    def end(self) -> None:
        """Ship no more."""
        self._shipping.cancel()
