"""Owns a served cloud to be measured: PostgreSQL and API as processes of their own, a gateway's token, CPU by side."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from cloud import schema
from cloud.changes import Operator
from cloud.db import Database
from cloud.gateways import service as gateways
from cloud.identity import service as identity
from cloud.loop import new_event_loop
from cloud.postgres import embedded
from shared.wire.batch import CONTENT_TYPE


@dataclass
class Served:
    """A cloud that answers on a port of 127.0.0.1."""

    url: str
    port: int
    process: psutil.Process
    postmaster: psutil.Process

    async def registered(self, names: Sequence[str]) -> list[str]:
        """Register gateways of one organization; returns their tokens."""
        database = Database(self.url, pool_size=1)
        async with database.transaction() as session:
            known = [each for each in await identity.organizations(session) if each.name == "bench"]
            owner = known[0] if known else await identity.create_organization(session, "bench")
            tokens = [(await gateways.create(session, Operator(owner.id), name)).token for name in names]
        await database.close()
        return tokens

    def register(self, names: Sequence[str]) -> list[str]:
        """Register gateways where no event loop runs."""
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self.registered(names))

    def cpu(self) -> dict[str, float]:
        """Return CPU seconds used so far by the API with its process in the background, and by PostgreSQL."""
        return {"cloud": cpu_of(self.process), "postgres": cpu_of(self.postmaster)}


def cpu_of(process: psutil.Process) -> float:
    """Return CPU seconds of a process and of its children, those that ended too."""
    used = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


@contextlib.contextmanager
def served(*options: str) -> Iterator[Served]:
    """Serve an empty cloud on the embedded PostgreSQL, fsync on; `options` are given to `tezgah-cloud serve`."""
    with contextlib.ExitStack() as held:
        root = held.enter_context(tempfile.TemporaryDirectory(prefix="tz-bench-", ignore_cleanup_errors=True))
        url = held.enter_context(embedded(Path(root)))
        schema.migrate(url)
        port = free_port()
        given = os.environ | {"TEZGAH_DATABASE_URL": url, "SECRET_KEY": uuid.uuid4().hex, "TEZGAH_LOG_LEVEL": "ERROR"}
        process = subprocess.Popen([sys.executable, "-m", "cloud", "serve", "--port", str(port), *options], env=given)
        try:
            _await(port, process)
            pid = int((Path(root) / "postgres" / "postmaster.pid").read_text().splitlines()[0])
            yield Served(url, port, psutil.Process(process.pid), psutil.Process(pid))
        finally:
            process.terminate()
            process.wait(timeout=30)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the cloud did not start"
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
            return
        time.sleep(0.1)
    raise TimeoutError("the cloud is not ready")


class Line:
    """One kept connection over which batches are posted, by hand: the sender shares the cores with the receiver."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = (
            f"POST /api/v1/ingest/batches HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: "
        ).encode()

    async def __aenter__(self) -> "Line":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def post(self, body: bytes) -> None:
        """Send a batch; returns when it is stored."""
        if self._reader.at_eof():  # idle for longer than the server keeps a connection
            await self.__aenter__()
        self._writer.write(self._head + str(len(body)).encode() + b"\r\n\r\n")
        self._writer.write(body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        at = head.lower().index(b"content-length:") + 15
        answer = await self._reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
        assert head.startswith(b"HTTP/1.1 200"), (head, answer)
