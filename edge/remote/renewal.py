"""Renewing the token: the next one is on disk before it is used, and its first use ends the present one.

Until then both are good, so a lost answer, a kill or a power cut at any instant leaves a token that works.
"""

import asyncio

from edge.sync.client import CloudClient
from edge.sync.office import Office
from edge.sync.token import TokenStore
from shared.logs import get

_log = get(__name__)


class Renewal:
    """Renews when it is told to.

    Args:
        office: Gives the next token.
        store: Where it is written down.
        client: Bears it from then on.

    Attributes:
        trouble: Why the token could not be renewed, a sentence; None if it could, or was not to be.
    """

    def __init__(self, office: Office, store: TokenStore, client: CloudClient) -> None:
        self._office = office
        self._store = store
        self._client = client
        self.trouble: str | None = None

    async def renew(self) -> None:
        """Fetch the next token, write it down, and use it.

        Raises:
            UplinkError: The cloud gave none; the present one is good.
        """
        issued = await self._office.rotate()
        try:
            await asyncio.to_thread(self._store.keep, issued.token)
        except OSError as error:
            said = f"the cloud wants the token renewed, but the next one cannot be written down: {error}"
            if self.trouble != said:
                _log.error("token not renewed, the present one is good", error=str(error))
            self.trouble = said
            return
        self._client.use(issued.token)
        self.trouble = None
        _log.info("token renewed")
