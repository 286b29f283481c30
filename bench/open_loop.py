"""Owns asking a server at a fixed rate, whether it keeps up or not: raw HTTP over connections that are kept.

A latency runs from the moment at which the request was due, so a server that stalls is charged for all who waited.
"""

import asyncio
import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CONNECTIONS = 32
# the generator shares the cores with what it measures, so it does as little as HTTP needs
_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Figures:
    """Latencies of one run, in milliseconds, and the answers that were not as they should be."""

    latencies_ms: Sequence[float]
    wrong: Sequence[bytes]

    def quantile(self, share: float) -> float:
        """Return the latency that this share of the answers did not exceed."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def line(self, name: str, rate: float, target_ms: float | None = None) -> str:
        """Return the run as a line of a table."""
        p50, p99, worst = self.quantile(0.5), self.quantile(0.99), max(self.latencies_ms)
        verdict = (
            "" if target_ms is None else f"   target < {target_ms:g} ms: {'held' if p99 < target_ms else 'MISSED'}"
        )
        told = f"   {len(self.wrong)} WRONG, first {self.wrong[0][:60]!r}" if self.wrong else ""
        mean = statistics.fmean(self.latencies_ms)
        return (
            f"{name:<42} {rate:>5.0f}/s  p50 {p50:6.1f}  mean {mean:6.1f}  p99 {p99:6.1f}  max {worst:6.1f} ms"
            f"{verdict}{told}"
        )


async def run(port: int, request: Callable[[int], bytes], rate: float, count: int) -> Figures:
    """Send `count` requests, one every 1/rate seconds.

    Args:
        port: On 127.0.0.1.
        request: Gives the bytes of the n-th.
        rate: A second.
        count: How many.
    """
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))
    loop = asyncio.get_running_loop()
    began = loop.time() + 0.1
    latencies: list[float] = []
    wrong: list[bytes] = []

    async def ask(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        reader, writer = await idle.get()
        writer.write(request(number))
        status = await _answer(reader)
        latencies.append((loop.time() - due) * 1000)
        idle.put_nowait((reader, writer))
        if not status.startswith(b"HTTP/1.1 2"):
            wrong.append(status)

    # the generator's own pauses are not the server's
    gc.disable()
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(ask(number))
    finally:
        gc.enable()
    while not idle.empty():
        idle.get_nowait()[1].close()
    return Figures(latencies, wrong)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().find(_LENGTH)
    length = int(head[at + len(_LENGTH) : head.index(b"\r\n", at)]) if at >= 0 else 0
    body = await reader.readexactly(length)
    status = head[: head.index(b"\r\n")]
    return status if status.startswith(b"HTTP/1.1 2") else status + b" " + body


def get(path: str, token: str) -> bytes:
    """Return a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, token: str, body: bytes = b"") -> bytes:
    """Return a POST; a body is JSON."""
    kind = "Content-Type: application/json\r\n" if body else ""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n{kind}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
