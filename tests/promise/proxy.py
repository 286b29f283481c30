"""A TCP proxy of ours: the line between two programs, which can be cut, can drip, can lose what comes back.

It runs on a thread of its own, so that tests of any kind can have it. What it does to a connection is decided when
something passes, so a manner set in mid-request takes effect in mid-request.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum


class Line(StrEnum):
    """How the line is."""

    GOOD = "good"
    # nothing passes, and who calls is refused
    CUT = "cut"
    # connections are taken and stay open, and nothing passes any more: a firewall forgot them
    HALF_OPEN = "half-open"
    # what is asked arrives; when the answer comes, the connection breaks
    ANSWERS_LOST = "answers lost"
    # the answer comes byte by byte
    DRIPS = "drips"


class Proxy:
    """Forwards to a port of this machine.

    Attributes:
        port: Where it listens.
        line: How the line is from now on; a cut breaks what is open.
        counts: How many pieces passed in which manner.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.counts: Counter[Line] = Counter()
        self._target = target
        self._line = Line.GOOD
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def line(self) -> Line:
        return self._line

    @line.setter
    def line(self, line: Line) -> None:
        self._line = line
        if line in {Line.CUT, Line.GOOD}:
            # what was half-open is found out when the line is whole again
            self._loop.call_soon_threadsafe(self._break_all)

    @contextlib.contextmanager
    def listening(self) -> Iterator["Proxy"]:
        """Listen on a free port until the block ends."""
        self._thread.start()
        begun = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        server = begun.result(5)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(server.close)
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._line is Line.CUT:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers |= {writer, back}
            both = (self._pass(reader, back, is_answer=False), self._pass(there, writer, is_answer=True))
            await asyncio.gather(*both)
        except (OSError, asyncio.CancelledError):
            # nobody listens there at the moment; or it is the end, and the loop would complain of who was cancelled
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                self.counts[self._line] += is_answer
                match self._line:
                    case Line.CUT:
                        break
                    case Line.HALF_OPEN:
                        continue
                    case Line.ANSWERS_LOST if is_answer:
                        break
                    case Line.DRIPS if is_answer:
                        for byte in data:
                            sink.write(bytes((byte,)))
                            await sink.drain()
                            await asyncio.sleep(0.0005)
                    case _:
                        sink.write(data)
                        await sink.drain()
        if self._line is Line.GOOD:
            sink.close()
        else:
            sink.transport.abort()

    def _break_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _end(self) -> None:
        self._break_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
