"""The buffer's thread does jobs in order, and nobody sees figures older than those he has seen."""

import asyncio
import threading
from pathlib import Path

import pytest

from edge.buffer import file
from edge.buffer.store_thread import StoreThread
from edge.errors import BufferError  # noqa: A004 - the field's word
from tests.fakes.clock import HandClock, happens
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import GATEWAY

NOW_US = 1_800_000_000_000_000


def thread_on(path: Path, gateway: str = GATEWAY) -> StoreThread:
    return StoreThread(path, file.divide(50_000_000), gateway, HandClock())


async def test_an_answer_that_comes_late_does_not_bring_back_old_figures(tmp_path: Path) -> None:
    thread = thread_on(tmp_path / "buffer.db")
    await thread.open()
    thread.do_now(lambda store: store.register(TAGS, NOW_US))
    early = asyncio.create_task(thread.do(lambda store: store.write([numbered(0, 1)], [], NOW_US)))
    await asyncio.sleep(0)
    thread.do_now(lambda store: store.write([], [], NOW_US, seal=True))
    assert thread.figures.batches == 1
    await early
    assert thread.figures.batches == 1
    await thread.close()


async def test_a_job_whose_caller_is_cancelled_is_done_all_the_same(tmp_path: Path) -> None:
    thread = thread_on(tmp_path / "buffer.db")
    await thread.open()
    begun, go = threading.Event(), threading.Event()

    def job(_: object) -> None:
        begun.set()
        go.wait(10)

    task = asyncio.create_task(thread.do(job))
    await happens(begun.is_set)
    task.cancel()
    await asyncio.wait([task])
    go.set()
    assert thread.do_now(lambda store: store.figures.batches) == 0
    await thread.close()


async def test_a_thread_whose_file_cannot_be_opened_ends(tmp_path: Path) -> None:
    thread = thread_on(tmp_path / "buffer.db")
    await thread.open()
    before = threading.active_count()
    for gateway in (GATEWAY, "other"):
        with pytest.raises(BufferError):
            await thread_on(tmp_path / "buffer.db", gateway).open()
    await happens(lambda: threading.active_count() == before)
    await thread.close()
    await happens(lambda: threading.active_count() < before)
