"""Errands: what the cloud wants done is done beside everything else, and a defect in it ends nothing."""

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from edge.ports import Orders
from edge.remote.errands import Errands
from edge.remote.renewal import Renewal
from edge.sync.client import CloudClient
from edge.sync.office import Office
from edge.sync.token import TokenStore
from tests.fakes.clock import turns


class Broken(Renewal):
    """Fails as no library should, once."""

    async def renew(self) -> None:
        if self.trouble is None:
            self.trouble = "tried"
            raise ZeroDivisionError("a defect")
        self.trouble = "done"


async def test_a_defect_in_an_errand_ends_nothing_and_the_next_is_run(tmp_path: Path) -> None:
    client = CloudClient("http://127.0.0.1:1", "t")
    renewal = Broken(Office(client), TokenStore("t", None, tmp_path), client)
    errands = Errands(renewal)
    running = asyncio.create_task(errands.run())
    with capture_logs() as logs:
        errands.heed(Orders(is_to_rotate=True))
        await turns()
    assert [line["event"] for line in logs] == ["an errand of the cloud's failed unexpectedly"]
    errands.heed(Orders(is_to_rotate=True))
    await turns()
    assert renewal.trouble == "done"
    running.cancel()
    await asyncio.wait([running])
    await client.close()
