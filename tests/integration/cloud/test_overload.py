"""A hundred senders at once on the served API, more than it takes: no collapse, nothing lost, nothing twice."""

import asyncio
import random
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx
import psutil
import psycopg
import pytest

from cloud import seed
from cloud.db import Database
from cloud.postgres import embedded
from shared.wire.batch import CONTENT_TYPE, BatchId, encode
from tests.integration.cloud.telemetry.sender import NOON, SECOND, TAGS, rows
from tests.integration.cloud.test_serving import serving

GATEWAYS, BATCHES, ROWS = 50, 3, 400
# half of each batch is in the one before it as well
FRESH = ROWS // 2
PASSWORD = "for this test only"
LIMITS = {"PLACES": 12, "AT_ONCE": 2, "AT_ONCE_IN_DATABASE": 3}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tz-", ignore_cleanup_errors=True) as directory:
        path = Path(directory)
        lines = [f"TEZGAH_INGEST_{name}={limit}" for name, limit in LIMITS.items()]
        (path / ".env").write_text("\n".join(lines))
        yield path


@dataclass
class Seen:
    """What those who sent were answered, how long another request took, and how large the workers became."""

    answers: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    asked_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0


def prepared(url: str) -> Sequence[tuple[str, str]]:
    """Register everybody; returns each gateway's name and token."""
    names = [{"id": f"hall-{number}"} for number in range(GATEWAYS)]
    users = [{"username": "ayse", "role": "worker", "password": PASSWORD}]
    document = seed.Document.model_validate({"organization": "Acme", "users": users, "gateways": names})

    async def load() -> Sequence[tuple[str, str]]:
        database = Database(url)
        async with database.transaction() as session:
            loaded = await seed.load(session, document)
        await database.close()
        return [(each["id"], each["token"]) for each in loaded["gateways"]]

    return asyncio.run(load())


def batches(gateway: str) -> Sequence[bytes]:
    """Seal a gateway's batches."""
    epoch = uuid.uuid4()
    blocks = [
        rows(*range(number * FRESH, number * FRESH + ROWS), ts=NOON + number * FRESH * SECOND)
        for number in range(BATCHES)
    ]
    return [encode(BatchId(gateway, epoch, seq), NOON, TAGS, block) for seq, block in enumerate(blocks)]


async def sent(client: httpx.AsyncClient, token: str, bodies: Sequence[bytes], seen: Seen) -> None:
    """Send batches in order, as a gateway does: again when it is told to come again, as late as it is told."""
    for body in bodies:
        while True:
            headers = {"Content-Type": CONTENT_TYPE, "Authorization": f"Bearer {token}"}
            try:
                answer = await client.post("/api/v1/ingest/batches", content=body, headers=headers)
            except httpx.TransportError:
                # a connection that was idle for as long as the server keeps one
                continue
            seen.answers[answer.status_code] += 1
            if answer.status_code == 200:
                seen.outcomes[answer.json()["data"]["outcome"]] += 1
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]) * random.uniform(0.5, 1))


def asked(address: str, workers: Sequence[psutil.Process], seen: Seen, over: threading.Event) -> None:
    """Be a phone that looks at the machines, again and again, and somebody who looks at the workers' memory."""
    with httpx.Client(base_url=address, timeout=60) as client:
        token = client.post("/auth/login", json={"username": "ayse", "password": PASSWORD}).json()["access_token"]
        while not over.wait(0.05):
            began = time.perf_counter()
            assert client.get("/machines", headers={"Authorization": f"Bearer {token}"}).status_code == 200
            seen.asked_s.append(time.perf_counter() - began)
            seen.peak_bytes = max(seen.peak_bytes, sum(each.memory_info().rss for each in workers))


async def overloaded(address: str, tokens: Sequence[tuple[str, str]], seen: Seen) -> None:
    """Have each gateway's batches sent by two at the very same time."""
    client = httpx.AsyncClient(base_url=address, timeout=60, limits=httpx.Limits(max_connections=None))
    async with client, asyncio.TaskGroup() as senders:
        for name, token in tokens:
            bodies = batches(name)
            for _ in range(2):
                senders.create_task(sent(client, token, bodies, seen))


def test_a_hundred_senders_at_once_are_all_served_in_the_end_and_phones_meanwhile(data_dir):
    served = serving(data_dir, "--migrate", "--workers", "2", "--no-background")
    with served as (process, address), embedded(data_dir) as url:
        tokens = prepared(url)
        workers = [each for each in process.children() if "spawn_main" in " ".join(each.cmdline())]
        before = sum(each.memory_info().rss for each in workers)
        seen, over = Seen(), threading.Event()
        with ThreadPoolExecutor(1) as phone:
            looking = phone.submit(asked, address, workers, seen, over)
            try:
                asyncio.run(overloaded(address, tokens, seen))
            finally:
                over.set()
            looking.result()
        with psycopg.connect(url) as connection:
            stored = connection.execute("SELECT count(*), count(DISTINCT (tag_id, ts)) FROM reading").fetchone()

    # the brake was put on, and is the only thing that anybody saw besides an answer
    assert set(seen.answers) == {200, 503}
    assert seen.outcomes == {"stored": GATEWAYS * BATCHES, "duplicate": GATEWAYS * BATCHES}
    assert stored == (GATEWAYS * (BATCHES + 1) * FRESH,) * 2
    assert quantiles(seen.asked_s, n=20)[-1] < 2.0
    assert seen.peak_bytes - before < 200 * 2**20
