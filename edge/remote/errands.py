"""What the cloud wants done, done one after the other and beside everything else; its signs of life do not wait."""

import asyncio
from collections.abc import Awaitable, Callable

from edge.live.apply import Outcome
from edge.ports import Orders
from edge.remote.assignments import Assignments
from edge.remote.renewal import Renewal
from edge.settings import Settings
from shared.errors import AppError
from shared.logs import get

Configuring = tuple[Assignments, Callable[[Settings], Awaitable[Outcome]]]
_log = get(__name__)


class Errands:
    """Takes orders at once, and runs their errands; one that fails is run again with the next sign of life.

    Args:
        renewal: Renews the token.
        configuring: Takes up configurations, and applies settings on trial; None for a cloud that may set none.
    """

    def __init__(self, renewal: Renewal, configuring: Configuring | None = None) -> None:
        self._renewal = renewal
        self._configuring = configuring
        self._orders = Orders()
        self._called = asyncio.Event()

    def heed(self, orders: Orders) -> None:
        """Take what the cloud wants now, in the place of what it wanted before."""
        self._orders = orders
        self._called.set()

    def notes(self) -> list[str]:
        """Return what somebody should know, a sentence each."""
        trouble = [] if self._renewal.trouble is None else [self._renewal.trouble]
        return trouble if self._configuring is None else [*trouble, *self._configuring[0].notes()]

    async def run(self) -> None:
        """Run errands until cancelled."""
        while True:
            await self._called.wait()
            self._called.clear()
            orders = self._orders
            try:
                if orders.is_to_rotate:
                    await self._renewal.renew()
                if self._configuring is not None:
                    assignments, take = self._configuring
                    await assignments.follow(orders.configuration, take)
            except AppError as error:
                _log.info("what the cloud wants could not be done now", error=error.message)
            except Exception:  # noqa: BLE001 - whatever it is, it is logged
                # a defect in an errand must not stop what comes in, nor what goes out
                _log.exception("an errand of the cloud's failed unexpectedly")
