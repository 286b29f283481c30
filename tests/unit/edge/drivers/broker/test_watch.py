"""Both ways of watching a socket: by the loop, and by a thread for loops that cannot."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from edge.drivers.broker.watch import LoopWatch, ThreadWatch, watch

WITHIN_S = 60.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("kind", [LoopWatch, ThreadWatch])
async def test_what_arrives_is_told_while_it_is_wanted(kind, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    loop_thread = threading.get_ident()

    def readable() -> None:
        assert threading.get_ident() == loop_thread
        heard.put_nowait(ours.recv(3))

    watching = kind(asyncio.get_running_loop(), ours, readable, lambda: None)
    try:
        theirs.send(b"onetwo")
        assert heard.empty()
        watching.reading(wanted=True)
        async with asyncio.timeout(WITHIN_S):
            assert await heard.get() == b"one"
            assert await heard.get() == b"two"
        watching.reading(wanted=False)
        theirs.send(b"end")
        for _ in range(5):
            await asyncio.sleep(0)
        assert heard.empty()
        watching.reading(wanted=True)
        async with asyncio.timeout(WITHIN_S):
            assert await heard.get() == b"end"
    finally:
        watching.stop()


@pytest.mark.parametrize("kind", [LoopWatch, ThreadWatch])
async def test_room_to_write_is_told_until_it_is_not_wanted_any_more(kind, pair) -> None:
    told = asyncio.Event()

    def writable() -> None:
        watching.writing(wanted=False)
        told.set()

    watching = kind(asyncio.get_running_loop(), pair[0], lambda: None, writable)
    try:
        for _ in range(3):
            watching.writing(wanted=True)
            await asyncio.wait_for(told.wait(), WITHIN_S)
            told.clear()
    finally:
        watching.stop()


async def test_a_thread_that_watches_ends_with_stop_even_from_within_its_call(pair) -> None:
    stopped = asyncio.Event()

    def readable() -> None:
        watching.stop()
        stopped.set()

    watching = ThreadWatch(asyncio.get_running_loop(), pair[0], readable, lambda: None)
    watching.reading(wanted=True)
    pair[1].send(b"x")
    await asyncio.wait_for(stopped.wait(), WITHIN_S)
    watching.stop()
    assert "mqtt-watch" not in {thread.name for thread in threading.enumerate()}


class LoopThatCannotWatch(asyncio.SelectorEventLoop):
    """As Windows' proactor loop, to us."""

    def add_reader(self, *_: object) -> None:
        raise NotImplementedError


def test_a_loop_that_cannot_watch_gets_a_thread(pair) -> None:
    async def kind() -> type:
        watching = watch(asyncio.get_running_loop(), pair[0], lambda: None, lambda: None)
        watching.stop()
        return type(watching)

    with asyncio.Runner() as runner:
        assert runner.run(kind()) is LoopWatch
    with asyncio.Runner(loop_factory=LoopThatCannotWatch) as runner:
        assert runner.run(kind()) is ThreadWatch
