"""The SQLite buffer keeps the promises of the Buffer port, on a real file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.buffer.sqlite import SqliteBuffer
from tests.conformance.buffer_suite import BufferSuite
from tests.fakes.clock import HandClock
from tests.fakes.sqlite import running


class TestSqliteBuffer(BufferSuite):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    async def buffer(self, clock: HandClock, tmp_path: Path) -> AsyncIterator[SqliteBuffer]:
        async with running(tmp_path / "buffer.db", clock) as buffer:
            yield buffer
