"""A gateway as the cloud sees it: what it sends, and what is in the tables afterwards."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text

from cloud.db import Database
from cloud.gateways.schemas import GatewayCaller
from shared.reading import Gap, Readings, ReadingType, Tag, from_rows
from shared.wire.batch import CONTENT_TYPE, BatchId, encode

# 2026-11-20T12:00:00Z
NOON = 1_795_176_000_000_000
SECOND = 1_000_000
TEMP, MODE, COUNT = 0, 1, 2
TAGS = (
    Tag("press", "temp", "P-1", ReadingType.TEMPERATURE, "Cel"),
    Tag("press", "mode", "P-1", ReadingType.STATE),
    Tag("press", "count", "P-1", ReadingType.PART_COUNT),
)
# the content of a reading's row, as far as a gateway decides it
Content = tuple[str, int, float | None, str | None, int]


def rows(*values: float, tag: int = TEMP, ts: int = NOON, step: int = SECOND, **columns: Any) -> Readings:
    """Return readings of one tag, a second apart, received 2 ms after they were true."""
    times = [ts + step * index for index in range(len(values))]
    return from_rows([tag] * len(values), times, [each + 2000 for each in times], list(values), **columns)


def states(*words: str, ts: int = NOON, **columns: Any) -> Readings:
    """Return readings of the tag that means `state`, a second apart."""
    return rows(*[math.nan] * len(words), tag=MODE, ts=ts, text=dict(enumerate(words)), **columns)


@dataclass
class Sender:
    """A gateway: a name, a token, a buffer's epoch, and batches in order."""

    caller: GatewayCaller
    token: str
    client: httpx.AsyncClient
    database: Database
    epoch: uuid.UUID = field(default_factory=uuid.uuid4)
    seq: int = 0

    def batch(
        self,
        readings: Readings,
        gaps: Sequence[Gap] = (),
        *,
        tags: Sequence[Tag] = TAGS,
        seq: int | None = None,
        gateway: str | None = None,
        sealed_us: int = NOON,
    ) -> bytes:
        """Seal readings."""
        self.seq += 1
        identity = BatchId(gateway or self.caller.name, self.epoch, self.seq if seq is None else seq)
        return encode(identity, sealed_us, tags, readings, gaps)

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Send bytes as a batch; headers by their names, with _ for -."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": CONTENT_TYPE, "Authorization": f"Bearer {self.token}"} | given
        return await self.client.post("/api/v1/ingest/batches", content=body, headers=sent)

    async def send(self, readings: Readings, gaps: Sequence[Gap] = (), **how: Any) -> dict[str, Any]:
        """Seal and send readings; return the receipt."""
        answer = await self.post(self.batch(readings, gaps, **how))
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def query(self, statement: str, **parameters: Any) -> list[Any]:
        """Return rows; `:gateway` in the statement is this one's id."""
        async with self.database.transaction() as session:
            return list(await session.execute(text(statement), {"gateway": self.caller.gateway_id} | parameters))

    async def stored(self) -> list[Content]:
        """Return the content of every reading of this gateway, by tag, time and n."""
        found = await self.query(
            "SELECT tag.name, (extract(epoch FROM ts) * 1000000)::bigint, value, text, quality "
            "FROM reading JOIN tag ON tag.id = tag_id WHERE gateway_id = :gateway ORDER BY tag_id, ts, n"
        )
        return [tuple(row) for row in found]

    async def count(self, table: str) -> int:
        """Return how many rows of a table belong to this gateway."""
        [[found]] = await self.query(f"SELECT count(*) FROM {table} WHERE gateway_id = :gateway")
        return found
