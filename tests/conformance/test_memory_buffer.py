"""The fake buffer that other tests use keeps the promises of the Buffer port."""

import pytest

from tests.conformance.buffer_suite import BufferSuite
from tests.fakes.buffer import MemoryBuffer
from tests.fakes.clock import HandClock


class TestMemoryBuffer(BufferSuite):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    async def buffer(self, clock: HandClock) -> MemoryBuffer:
        return MemoryBuffer(clock)
