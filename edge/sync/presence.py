"""The gateway's sign of life: a plant at rest sends no readings, and is not silent."""

from collections.abc import Callable

from edge.clock import Clock
from edge.errors import Unreachable, UplinkError
from edge.ports import Orders, Sign, Uplink
from edge.sync.link import Link
from shared.logs import get

# the cloud calls a gateway silent after minutes, so a few signs may be lost
EVERY_S = 60.0
_log = get(__name__)


class Presence:
    """Greets the cloud at the start and then once a minute, over the same link as the batches.

    What it learns about the cloud the shipper's senders know, too; while the cloud is away it asks in its turn, so
    that an outage ends also for a gateway that has nothing to send.

    Args:
        uplink: Carries the greeting.
        link: The shipper's.
        sign: Says how the gateway is.
        clock: Time.
        heed: Takes what the cloud wants done, at once; it must not wait for that.
    """

    def __init__(
        self,
        uplink: Uplink,
        link: Link,
        sign: Callable[[], Sign],
        clock: Clock,
        heed: Callable[[Orders], None] = lambda _: None,
    ) -> None:
        self._sign = sign
        self._uplink = uplink
        self._link = link
        self._clock = clock
        self._heed = heed

    async def run(self) -> None:
        """Greet until cancelled."""
        while True:
            async with self._link.turn(is_greeting=True) as is_probe:
                try:
                    orders = await self._greet()
                except UplinkError as error:
                    self._link.failed(error, is_probe=is_probe, is_greeting=True)
                    has_answered = False
                else:
                    self._link.answered(is_greeting=True)
                    self._heed(orders)
                    has_answered = True
            if has_answered:
                await self._clock.sleep(EVERY_S)

    async def _greet(self) -> Orders:
        try:
            return await self._uplink.greet(self._sign())
        except UplinkError:
            raise
        except Exception as error:
            # a defect on the way out must not stop what comes in
            _log.exception("greeting failed unexpectedly")
            raise Unreachable(f"greeting failed with {type(error).__name__}: {error}; please report this") from error
