"""A cloud in memory, and an uplink into it: takes each batch once, and can be made to behave badly."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection

from edge.errors import BatchRefused, Outdated, Unauthorized, Unreachable
from edge.ports import Lease, Orders, Sign
from shared.wire import batch as wire
from shared.wire.batch import BatchId
from shared.wire.receipt import Outcome, Receipt
from tests.fakes.readings import numbers


class MemoryCloud:
    """Keeps batches as the real one does: by id; a repeated one is a duplicate, one with other content refused.

    Args:
        poison: The numbers that it refuses for ever.
    """

    def __init__(self, poison: Collection[int] = ()) -> None:
        self.poison = frozenset(poison)
        self.batches: dict[BatchId, bytes] = {}
        # in the order in which they were stored
        self.order: list[BatchId] = []

    def take(self, body: bytes) -> Receipt:
        """Store a batch.

        Raises:
            BatchRefused: Its id was used for other content, or there is poison in it.
        """
        if self.poison and (found := sorted(self.poison & {*numbers(body)})):
            raise BatchRefused(f"there is no {found[0]}")
        head = wire.decode(body).header
        known = self.batches.get(head.id)
        if known not in {None, body}:
            raise BatchRefused(f"batch {head.id.seq} was stored with other content", is_whole=True)
        if known is None:
            self.batches[head.id] = body
            self.order.append(head.id)
        outcome = Outcome.STORED if known is None else Outcome.DUPLICATE
        return Receipt(str(head.id.epoch), head.id.seq, outcome, head.rows)

    def bodies(self) -> list[bytes]:
        """Return what was stored."""
        return list(self.batches.values())

    def rows(self) -> Counter[int]:
        """Return how often each number was stored."""
        return Counter(number for body in self.bodies() for number in numbers(body))


class MemoryUplink:
    """Sends into a `MemoryCloud`. Set `fault` to what shall happen to the next requests instead.

    Attributes:
        fault: Raises, or returns; called before the batch is stored.
        loses: Whether answers get lost after it was.
        gate: Requests wait while it is clear.
        sent: Every request's batch number.
        greetings: What each greeting said waits; it is answered with `refusal`, if that is set, else with `orders`.
        most_at_once: The most requests that were under way together.
    """

    def __init__(self, cloud: MemoryCloud) -> None:
        self.cloud = cloud
        self.fault: Callable[[Lease], None] | None = None
        self.loses = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.sent: list[int] = []
        self.greetings: list[int] = []
        self.refusal: Exception | None = None
        self.orders = Orders()
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, lease: Lease) -> Receipt:
        self.sent.append(lease.id.seq)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            # a real one never answers within the same turn of the loop
            await asyncio.sleep(0)
            await self.gate.wait()
            if self.fault is not None:
                self.fault(lease)
            receipt = self.cloud.take(lease.body)
            if self.loses:
                raise Unreachable("the answer was lost")
            return receipt
        finally:
            self.at_once -= 1

    async def greet(self, sign: Sign) -> Orders:
        self.greetings.append(sign.waiting)
        await asyncio.sleep(0)
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        return self.orders

    async def close(self) -> None:
        pass


def away(lease: Lease) -> None:
    """Be unreachable."""
    raise Unreachable("no route to the cloud")


def stranger(lease: Lease) -> None:
    """Refuse the token."""
    raise Unauthorized("the token was revoked")


def older(lease: Lease) -> None:
    """Speak another version."""
    raise Outdated("the cloud speaks version 2")


def busy(retry_after_s: float) -> Callable[[Lease], None]:
    """Ask to come back later."""

    def fault(lease: Lease) -> None:
        raise Unreachable("503", retry_after_s=retry_after_s)

    return fault


def refusing(*seqs: int) -> Callable[[Lease], None]:
    """Refuse these batches for ever."""

    def fault(lease: Lease) -> None:
        if lease.id.seq in seqs:
            raise BatchRefused(f"batch {lease.id.seq} names no machine")

    return fault


def refusing_numbers(*poison: int) -> Callable[[Lease], None]:
    """Refuse for ever what brings one of these numbers."""

    def fault(lease: Lease) -> None:
        if found := sorted(set(poison) & set(numbers(lease.body))):
            raise BatchRefused(f"there is no {found[0]}")

    return fault
