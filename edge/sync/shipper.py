"""The shipper: leases sealed batches from the buffer, sends them, and settles them when their receipt is back.

The buffer lends; the uplink carries; the receipt that comes back says that the readings are rows in PostgreSQL, and
only then are they forgotten here. Live data goes before backlog: of the requests in flight one always takes the newest
batch there is, the others the oldest.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from edge.clock import Clock
from edge.errors import BatchRefused, Unreachable, UplinkError
from edge.ports import FIRST, Lease, Lender, Uplink
from edge.sync.fit import Fit
from edge.sync.link import Link, LinkState
from edge.sync.pace import Pace
from shared.logs import get
from shared.wire.receipt import Outcome, Receipt

# One keeps a line of 50 ms idle most of the time; more than four only queue up in the cloud.
MAX_IN_FLIGHT = 3
# what was sealed longer ago has waited
LIVE_S = 10.0
# how soon something new is noticed while the pace holds up what waited
_LOOK_S = 0.5
_log = get(__name__)


@dataclass(frozen=True, slots=True)
class ShipperStatus:
    """The shipper at one instant.

    Attributes:
        state: Of the link to the cloud.
        since_us: Since when, UTC microseconds.
        sent: Requests made, the failed ones too.
        settled: Batches that the cloud has; `duplicates` of them it had before, their answer was lost.
        rows: Readings in them.
        refused: Batches that the cloud would not take as they were: divided since, or set aside.
        retries: Requests that failed and were made again.
        in_flight: Requests under way.
        last_receipt_us: When the last receipt came, UTC microseconds; None before the first.
        last_error: The last failure, in words.
    """

    state: LinkState
    since_us: int
    sent: int = 0
    settled: int = 0
    duplicates: int = 0
    rows: int = 0
    refused: int = 0
    retries: int = 0
    in_flight: int = 0
    last_receipt_us: int | None = None
    last_error: str | None = None


class Shipper:
    """Brings everything that the buffer lends to the cloud, in any number of attempts.

    Args:
        buffer: Lends.
        uplink: Carries; closed by whoever made it.
        clock: Time.
        max_in_flight: Requests at once, at least 1.
        pace: How fast batches go that have waited; as fast as they can, if None.
        fit: Says whether the line is thin; then of batches that have waited one goes at a time.
        name: The destination's.

    Attributes:
        link: Whether the cloud answers, for whoever else asks it something.
    """

    def __init__(
        self,
        buffer: Lender,
        uplink: Uplink,
        clock: Clock,
        *,
        max_in_flight: int = MAX_IN_FLIGHT,
        pace: Pace | None = None,
        fit: Fit | None = None,
        name: str = FIRST,
    ) -> None:
        self._fit = fit if fit is not None else Fit()
        self._alone = asyncio.Lock()
        self._buffer = buffer
        self._uplink = uplink
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._pace = pace
        self.link = Link(clock, name)
        self._stirred = asyncio.Event()
        self._busy = 0
        self._in_flight = 0
        self._sent = 0
        self._settled = 0
        self._duplicates = 0
        self._rows = 0
        self._refused = 0
        self._retries = 0
        self._last_receipt_us: int | None = None

    async def run(self) -> None:
        """Ship until cancelled, or until the buffer is closed; a task of the gateway's."""
        async with asyncio.TaskGroup() as tasks:
            for slot in range(self._max_in_flight):
                tasks.create_task(self._ship(live=slot == 0), name=f"shipper-{slot}")

    async def drain(self, deadline_s: float) -> bool:
        """Ship what is sealed, beside `run` if that still runs; for the shutdown.

        Args:
            deadline_s: After so long it is left for the next start.

        Returns:
            Whether nothing sealed is left. False at once when the cloud does not answer.
        """
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self._drain(), name="shipper-drain")
            limit = tasks.create_task(self._clock.sleep(deadline_s), name="shipper-drain-limit")
            await asyncio.wait({work, limit}, return_when=asyncio.FIRST_COMPLETED)
            work.cancel()
            limit.cancel()
        return not work.cancelled() and work.result()

    def status(self) -> ShipperStatus:
        """Return how shipping goes."""
        return ShipperStatus(
            state=self.link.state,
            since_us=self.link.since_us,
            sent=self._sent,
            settled=self._settled,
            duplicates=self._duplicates,
            rows=self._rows,
            refused=self._refused,
            retries=self._retries,
            in_flight=self._in_flight,
            last_receipt_us=self._last_receipt_us,
            last_error=self.link.last_error,
        )

    async def _ship(self, *, live: bool) -> None:
        while (lease := await self._buffer.lease(live=live)) is not None:
            if live and self._must_wait(lease):
                # the others bring what waited; this one must be free when something new comes
                await self._buffer.give_back(lease.id)
                await self._clock.sleep(_LOOK_S)
                continue
            try:
                await self._take_turn(lease)
            except BaseException:
                await self._buffer.give_back(lease.id)
                raise
            await self._bring(lease, live=live)

    def _must_wait(self, lease: Lease) -> bool:
        return self._pace is not None and self._has_waited(lease) and self._pace.wait_s > 0

    def _has_waited(self, lease: Lease) -> bool:
        return self._clock.now_us() - lease.sealed_us > LIVE_S * 1e6

    async def _take_turn(self, lease: Lease) -> None:
        if self._pace is not None and self._has_waited(lease):
            await self._pace.turn(len(lease.body))

    async def _drain(self) -> bool:
        while self._may_answer():
            lease = await self._buffer.lease(live=False, wait=False)
            if lease is not None and self._must_wait(lease):
                await self._buffer.give_back(lease.id)
                return False
            if lease is not None:
                await self._bring(lease, attempts=1)
            elif not self._busy:
                return True
            else:
                self._stirred.clear()
                await self._stirred.wait()
        return False

    def _may_answer(self) -> bool:
        return self.link.state in {LinkState.UP, LinkState.CONNECTING}

    async def _bring(self, lease: Lease, attempts: int | None = None, *, live: bool = False) -> None:
        """Try until the cloud has the batch or will never take it, or the attempts are used up."""
        self._busy += 1
        is_over = False
        try:
            while not is_over and attempts != 0:
                is_over = await self._attempt(lease, live=live)
                attempts = None if attempts is None else attempts - 1
                self._stirred.set()
        finally:
            self._busy -= 1
            self._stirred.set()
            if not is_over:
                await self._buffer.give_back(lease.id)

    async def _attempt(self, lease: Lease, *, live: bool) -> bool:
        async with self._place(live=live), self.link.turn() as is_probe:
            try:
                receipt = await self._send(lease)
            except BatchRefused as error:
                self.link.answered()
                self._refused += 1
                _log.info("the cloud refuses a batch", seq=lease.id.seq, rows=lease.rows, error=error.message)
                await self._buffer.give_back(lease.id, refused=error.message, is_whole=error.is_whole)
                return True
            except UplinkError as error:
                self._retries += 1
                self.link.failed(error, is_probe=is_probe)
                return False
            self.link.answered()
            await self._settle(lease, receipt)
            return True

    @contextlib.asynccontextmanager
    async def _place(self, *, live: bool) -> AsyncIterator[None]:
        """Hold a place on the line; a thin one has two, of which one is for what is new."""
        if live or not self._fit.is_thin:
            yield
            return
        async with self._alone:
            yield

    async def _send(self, lease: Lease) -> Receipt:
        self._sent += 1
        self._in_flight += 1
        try:
            return await self._uplink.send(lease)
        except UplinkError:
            raise
        except Exception as error:
            # a defect on the way out must not stop what comes in
            _log.exception("sending failed unexpectedly", seq=lease.id.seq)
            raise Unreachable(f"sending failed with {type(error).__name__}: {error}; please report this") from error
        finally:
            self._in_flight -= 1

    async def _settle(self, lease: Lease, receipt: Receipt) -> None:
        self._settled += 1
        self._duplicates += receipt.outcome is Outcome.DUPLICATE
        self._rows += lease.rows
        self._last_receipt_us = self._clock.now_us()
        await self._buffer.settle(lease.id)
