"""What the cloud wants done, done one after the other and beside everything else; its signs of life do not wait."""

import asyncio

from edge.errors import UplinkError
from edge.ports import Orders
from edge.remote.renewal import Renewal
from shared.logs import get

_log = get(__name__)


class Errands:
    """Takes orders at once, and runs their errands; one that fails is run again with the next sign of life.

    Args:
        renewal: Renews the token.
    """

    def __init__(self, renewal: Renewal) -> None:
        self._renewal = renewal
        self._orders = Orders()
        self._called = asyncio.Event()

    def heed(self, orders: Orders) -> None:
        """Take what the cloud wants now, in the place of what it wanted before."""
        self._orders = orders
        self._called.set()

    def notes(self) -> list[str]:
        """Return what somebody should know, a sentence each."""
        return [] if self._renewal.trouble is None else [self._renewal.trouble]

    async def run(self) -> None:
        """Run errands until cancelled."""
        while True:
            await self._called.wait()
            self._called.clear()
            orders = self._orders
            try:
                if orders.is_to_rotate:
                    await self._renewal.renew()
            except UplinkError as error:
                _log.info("what the cloud wants could not be done now", error=error.message)
