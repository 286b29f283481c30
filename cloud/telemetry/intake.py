"""Owns the way of a batch from its bytes to its commit, and what refuses it on that way.

`routes` hands over the body; here it is decoded, its tags are looked up (`dictionary`), its rows arranged
(`rows`), and in one transaction the ledger's line, the readings, the latest values and the gaps are
written (`store`). The receipt is returned after the commit, and never otherwise.

All of it stays on the event loop: decoding and arranging take 3 ms for 10,000 readings, and 0.1 s for the
largest batch there can be.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.db import Database
from cloud.errors import BadRequest, CloudError, Conflict, Forbidden, Unavailable
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayCaller
from cloud.languages import Message
from cloud.telemetry import days, folding, gaps, messages, store
from cloud.telemetry.dictionary import Dictionary
from cloud.telemetry.metrics import IngestMetrics
from cloud.telemetry.models import Batch as BatchRow
from cloud.telemetry.partitions import Partitions
from cloud.telemetry.rows import Rows, arrange
from cloud.telemetry.taglists import TagLists
from shared import logs
from shared.errors import WireError
from shared.wire.batch import Batch, decode
from shared.wire.receipt import Outcome, Receipt

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = logs.get(__name__)


class BatchInvalid(BadRequest):
    """The bytes are not a batch."""

    code = "BATCH_INVALID"
    title = Message("Invalid batch", "Geçersiz parti")


class BatchVersionUnsupported(CloudError):
    """A batch of a version that is not spoken here."""

    code = "BATCH_VERSION_UNSUPPORTED"
    status = 426
    title = Message("Batch version not supported", "Parti sürümü desteklenmiyor")


class GatewayMismatch(Forbidden):
    """The batch is another gateway's than the token."""

    code = "GATEWAY_MISMATCH"
    title = Message("Another gateway's batch", "Başka bir ağ geçidinin partisi")


class BatchConflict(Conflict):
    """A batch with this identity and another content is stored."""

    code = "BATCH_CONFLICT"
    title = Message("Batch conflict", "Parti çakışması")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken at once; what comes beyond it is asked to come again, before it is read.

    Attributes:
        at_once: Batches that this process decodes and stores at the same time. Two connections keep PostgreSQL busy
            (880,000 rows/s); two more hide the round trips.
        in_database: Batches that all processes together store at the same time; the others wait, each on a connection
            that its process has for it anyway.
        places: Batches in this process, being read over lines however slow, waiting, or being stored.
        memory_bytes: What the bodies of all of them may take; 100 KB each as a rule, and 8 MiB at most.
    """

    at_once: int = 4
    in_database: int = 16
    places: int = 128
    memory_bytes: int = 64 * 2**20


class Intake:
    """Takes batches, a bounded number at once."""

    def __init__(
        self,
        database: Database,
        registry: CollectorRegistry,
        limits: Limits = Limits(),
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._limits = limits
        self._now = now
        self._dictionary = Dictionary(database)
        self.partitions = Partitions(database, today=lambda: now().date())
        self._metrics = IngestMetrics(registry)
        self._lists = TagLists()
        self._at_once = asyncio.Semaphore(limits.at_once)
        self._taken = 0
        self._taken_bytes = 0
        # the buffer that spoke last, by gateway: as long as it is the same one, there is nothing to note
        self._speakers: dict[uuid.UUID, uuid.UUID] = {}

    @contextmanager
    def place(self, size: int) -> Iterator[None]:
        """Hold a place for a body of so many bytes that is about to be read.

        One is always taken, however large: else a batch larger than the bound would never come in.

        Raises:
            Unavailable: All places, or all the memory, are taken.
        """
        is_too_much = self._taken and self._taken_bytes + size > self._limits.memory_bytes
        if self._taken >= self._limits.places or is_too_much:
            self._metrics.turned_away()
            raise Unavailable(messages.PLACES_TAKEN, places=self._taken, retry_after_s=1)
        self._taken += 1
        self._taken_bytes += size
        try:
            yield
        finally:
            self._taken -= 1
            self._taken_bytes -= size

    async def receive(self, gateway: GatewayCaller, body: bytes) -> Receipt:
        """Store a batch once, however often it comes; return its receipt once that is committed.

        Raises:
            BatchInvalid, BatchVersionUnsupported, GatewayMismatch, BatchConflict: It will never be taken.
        """
        with self._metrics.timed():
            # what waits here is compressed: a batch is several times larger when it is opened
            async with self._at_once:
                batch = opened(gateway, body, self._lists)
                rows = await self._arranged(gateway, batch)
                receipt = await self._stored(gateway, batch, rows, body)
        self._metrics.answered(receipt, (_microseconds(self._now()) - batch.readings.received) / 1e6)
        return receipt

    async def _arranged(self, gateway: GatewayCaller, batch: Batch) -> Rows:
        tag_ids = await self._dictionary.ids(gateway, batch.tags, _utc(batch.header.sealed_us))
        await self.partitions.ensure(days.days_of(batch.readings.ts))
        return arrange(batch.readings, tag_ids, _microseconds(self._now()))

    async def _stored(self, gateway: GatewayCaller, batch: Batch, rows: Rows, body: bytes) -> Receipt:
        epoch, speaker = batch.header.id.epoch, gateways.Speaker.KNOWN
        try:
            async with self._database.transaction() as session:
                await store.take_turn(session, self._limits.in_database)
                if self._speakers.get(gateway.gateway_id) != epoch:
                    speaker = await gateways.note_epoch(session, gateway.gateway_id, epoch)
                receipt = await keep(session, gateway, batch, rows, hashlib.blake2b(body, digest_size=16).digest())
        except BatchConflict as error:
            async with self._database.transaction() as session:
                await gateways.note_conflict(session, gateway.gateway_id, error.message)
            raise
        except Conflict as error:
            # something of ours clashed, which is no reason for the gateway to set the batch aside
            raise Unavailable(messages.STORE_LATER, retry_after_s=1) from error
        self._speakers[gateway.gateway_id] = epoch
        if speaker in {gateways.Speaker.ANOTHER, gateways.Speaker.CONFLICTING}:
            log.warning(
                "gateway_speaks_from_another_buffer", gateway=gateway.name, epoch=str(epoch), speaker=speaker.value
            )
        return receipt


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What was stored under a batch's identity, and whether it is the same."""

    is_same: bool
    stored_at: datetime | None
    rows: int
    repeated: int


def opened(gateway: GatewayCaller, body: bytes, lists: TagLists) -> Batch:
    """Decode a batch of this gateway.

    Raises:
        BatchInvalid, BatchVersionUnsupported, GatewayMismatch: It is none.
    """
    try:
        batch = decode(body, lists.read)
    except WireError as error:
        kind = BatchVersionUnsupported if error.code == BatchVersionUnsupported.code else BatchInvalid
        raise kind(messages.BATCH_INVALID, reason=error.message) from error
    if batch.header.id.gateway != gateway.name:
        raise GatewayMismatch(
            messages.GATEWAY_MISMATCH, batch_gateway=batch.header.id.gateway, token_gateway=gateway.name
        )
    return batch


async def keep(session: AsyncSession, gateway: GatewayCaller, batch: Batch, rows: Rows, digest: bytes) -> Receipt:
    """Write everything a batch brings, unless it is written already.

    Of two transactions with the same batch the second waits at the ledger until the first has ended.

    Raises:
        BatchConflict: Another content is stored under the batch's identity.
    """
    identity = batch.header.id
    told = (str(identity.epoch), identity.seq)
    key = (gateway.gateway_id, identity.epoch, identity.seq)
    is_entered = await _enter(session, key, batch, digest)
    before = await _earlier(session, key, batch, digest, is_entered=is_entered)
    if before is not None:
        if not before.is_same:
            raise BatchConflict(
                messages.BATCH_CONFLICT,
                seq=identity.seq,
                epoch=str(identity.epoch),
                stored_at=before.stored_at,
                gateway=gateway.name,
            )
        if is_entered:
            await session.delete(await session.get_one(BatchRow, key))
        return Receipt(*told, Outcome.DUPLICATE, before.rows, before.repeated)
    repeated = await store.add_readings(session, gateway.gateway_id, rows)
    await store.advance_latest(session, rows)
    if repeated < len(rows):
        await store.touch(session, gateway.gateway_id, rows)
    if batch.gaps:
        hidden = await gaps.record(session, gateway, identity, batch.gaps)
        await store.mark_gaps(session, gateway.gateway_id, hidden)
    if repeated:
        (await session.get_one(BatchRow, key)).repeated = repeated
    return Receipt(*told, Outcome.STORED, len(rows), repeated)


async def _earlier(
    session: AsyncSession, key: folding.Key, batch: Batch, digest: bytes, *, is_entered: bool
) -> _Earlier | None:
    """Return what was stored before under a batch's identity; None where nothing was.

    Asked after its line was entered, or could not be: whoever folds a line at this moment is waited for there, and what
    he folded is seen here.

    Raises:
        Unavailable: The line went while we looked, and is not folded.
    """
    if not is_entered:
        line = await session.get(BatchRow, key)
        if line is not None:
            return _Earlier(line.digest == digest, line.stored_at, line.rows, line.repeated)
    folded = await folding.known(session, key, digest)
    if folded is not None:
        # the same bytes have as many rows; how many of them the source had said twice is known no more
        return _Earlier(folded.is_same, folded.stored_to, len(batch.readings), 0)
    if not is_entered:
        raise Unavailable(messages.STORE_LATER, retry_after_s=1)
    return None


async def _enter(session: AsyncSession, key: tuple[uuid.UUID, uuid.UUID, int], batch: Batch, digest: bytes) -> bool:
    received = batch.readings.received
    line = {
        "gateway_id": key[0],
        "epoch": key[1],
        "seq": key[2],
        "digest": digest,
        "rows": len(received),
        "received_from": _utc(int(received.min())) if len(received) else None,
        "received_to": _utc(int(received.max())) if len(received) else None,
        "sealed_at": _utc(batch.header.sealed_us),
    }
    entered = insert(BatchRow).values(line).on_conflict_do_nothing().returning(BatchRow.__table__.c.seq)  # type: ignore[attr-defined]
    return (await session.execute(entered)).one_or_none() is not None


def _utc(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
