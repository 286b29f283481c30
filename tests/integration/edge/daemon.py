"""The daemon as a process, and a cloud that takes batches over HTTP: what a test of the whole gateway needs."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn

from shared.reading import Gap
from shared.wire import batch as wire
from tests.fakes.cloud import MemoryCloud

PATIENCE_S = 60.0
TOKEN = "the-token-of-this-test"


async def eventually(condition: Any, within_s: float = PATIENCE_S) -> None:
    """Look again and again until the condition, maybe a coroutine's, holds."""
    end = time.monotonic() + within_s
    while True:
        result = condition()
        if result if not asyncio.iscoroutine(result) else await result:
            return
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.02)


class HttpCloud:
    """Speaks the ingest contract over real HTTP, and keeps what it takes in memory; hangs while `answers` is clear."""

    def __init__(self) -> None:
        self.memory = MemoryCloud()
        self.tokens: set[str] = set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.url = ""

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body"})
            return
        assert scope["path"] in {"/api/v1/ingest/batches", "/api/v1/gateways/alive"}
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await self.answers.wait()
        self.tokens.add(dict(scope["headers"])[b"authorization"].decode())
        if scope["path"] == "/api/v1/gateways/alive":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
            return
        answer = msgspec.json.encode({"data": self.memory.take(body), "meta": {}})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer})

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["HttpCloud"]:
        config = uvicorn.Config(
            self, host="127.0.0.1", port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign] # pytest's signals stay its own
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(), name="cloud")
            await eventually(lambda: server.started)
            self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            try:
                yield self
            finally:
                self.answers.set()
                server.should_exit = True

    def readings(self) -> Counter[tuple[str, str, float]]:
        """Device, tag and value of each reading stored, with how often."""
        found: Counter[tuple[str, str, float]] = Counter()
        for body in self.memory.batches.values():
            batch = wire.decode(body)
            for tag, value in zip(batch.readings.tag.tolist(), batch.readings.value.tolist(), strict=True):
                found[batch.tags[tag].device, batch.tags[tag].name, value] += 1
        return found

    def gaps(self) -> list[Gap]:
        """Every gap stored."""
        return [gap for body in self.memory.batches.values() for gap in wire.decode(body).gaps]


class Daemon:
    """A `tezgah-edge run`; what it logs is in `log`."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, state: Path) -> None:
        self.process = process
        self.state = state
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    async def get(self, path: str = "/health") -> httpx.Response:
        port = int((self.state / "health.port").read_text(encoding="ascii"))
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{port}{path}")

    async def is_ok(self) -> bool:
        """Whether it runs and nothing is wrong with it."""
        assert self.process.returncode is None, self.log
        with contextlib.suppress(OSError, httpx.HTTPError):
            return (await self.get()).json()["status"] == "ok"
        return False

    async def runs(self) -> bool:
        """Whether its health page is up."""
        assert self.process.returncode is None, self.log
        with contextlib.suppress(OSError, httpx.HTTPError):
            return (await self.get()).status_code == 200
        return False

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; returns the exit code and how many seconds the end took."""
        began = time.monotonic()
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
        return code, time.monotonic() - began


@contextlib.asynccontextmanager
async def daemon(config: Path, **environ: str) -> AsyncIterator[Daemon]:
    """Run a daemon on this configuration; killed at the end if it still runs."""
    log = config.with_suffix(f".{time.monotonic_ns()}.log")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", "run", str(config)),
            env={**os.environ, "TOKEN": TOKEN, **environ},
            stdout=output,
            stderr=output,
        )
    try:
        yield Daemon(process, log, config.parent / "state")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
