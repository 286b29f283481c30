"""One real server for all of these tests, serving and empty at the start of each."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.edge.drivers.opcua.plc import Plc, booted


@pytest.fixture
async def plc() -> AsyncIterator[Plc]:
    plc = await booted()
    await plc.start()
    yield plc
    await plc.stop()
    await plc.clear()
