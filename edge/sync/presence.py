"""The gateway's sign of life: a plant at rest sends no readings, and is not silent."""

from collections.abc import Callable

from edge.clock import Clock
from edge.errors import UplinkError
from edge.ports import Uplink
from edge.sync.link import Link

# the cloud calls a gateway silent after minutes, so a few signs may be lost
EVERY_S = 60.0


class Presence:
    """Greets the cloud at the start and then once a minute, over the same link as the batches.

    What it learns about the cloud the shipper's senders know, too; while the cloud is away it asks in its turn, so
    that an outage ends also for a gateway that has nothing to send.

    Args:
        uplink: Carries the greeting.
        link: The shipper's.
        waiting: Says how many readings wait in the buffer.
        clock: Time.
    """

    def __init__(self, uplink: Uplink, link: Link, waiting: Callable[[], int], clock: Clock) -> None:
        self._waiting = waiting
        self._uplink = uplink
        self._link = link
        self._clock = clock

    async def run(self) -> None:
        """Greet until cancelled."""
        while True:
            async with self._link.turn() as is_probe:
                try:
                    await self._uplink.greet(self._waiting())
                except UplinkError as error:
                    self._link.failed(error, is_probe=is_probe)
                    has_answered = False
                else:
                    self._link.answered()
                    has_answered = True
            if has_answered:
                await self._clock.sleep(EVERY_S)
