"""The promises of the Uplink port: the HTTPS uplink is held to them, and the fake that other tests use.

A test file makes an `UplinkHarness` and a class that inherits `UplinkSuite` and has a fixture `harness`.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import replace
from enum import StrEnum
from uuid import UUID

import pytest

from edge.errors import BatchRefused, Unauthorized, Unreachable
from edge.ports import Lease, Sign, Uplink
from shared.wire import batch as wire
from shared.wire.receipt import Outcome
from tests.fakes.cloud import MemoryCloud
from tests.fakes.readings import TAGS, numbered

ASKED_S = 17.0


class Manner(StrEnum):
    """How the cloud behaves."""

    WELL = "well"
    REFUSES = "refuses"
    KNOWS_US_NOT = "knows us not"
    BUSY = "busy"
    SILENT = "silent"
    LOSES_ANSWERS = "loses answers"


class UplinkHarness(ABC):
    """An uplink, and the cloud at its other end."""

    uplink: Uplink
    cloud: MemoryCloud

    @abstractmethod
    def behave(self, manner: Manner) -> None:
        """Have the cloud behave so from now on; when busy, it asks for `ASKED_S`."""


def lease(seq: int, first: int = 0, count: int = 5) -> Lease:
    """Return a batch of its own numbers."""
    batch = wire.BatchId("izmir-hall2", UUID(int=99), seq)
    now_us = 1_800_000_000_000_000
    return Lease(batch, wire.encode(batch, now_us, TAGS, numbered(first, count)), count, now_us)


class UplinkSuite:
    """The promises, one a test."""

    async def test_a_batch_arrives_as_it_was_lent_and_its_receipt_names_it(self, harness: UplinkHarness) -> None:
        sent = lease(1)
        receipt = await harness.uplink.send(sent)
        assert harness.cloud.batches == {sent.id: sent.body}
        assert (receipt.epoch, receipt.seq, receipt.rows) == (str(sent.id.epoch), 1, 5)
        assert receipt.outcome is Outcome.STORED

    async def test_a_repeated_batch_is_stored_once_and_answered_again(self, harness: UplinkHarness) -> None:
        first, again = await harness.uplink.send(lease(1)), await harness.uplink.send(lease(1))
        assert again.outcome is Outcome.DUPLICATE
        assert (again.epoch, again.seq, again.rows) == (first.epoch, first.seq, first.rows)
        assert len(harness.cloud.order) == 1

    async def test_another_content_under_a_used_id_is_refused_for_ever(self, harness: UplinkHarness) -> None:
        await harness.uplink.send(lease(1))
        other = replace(lease(1), body=lease(1, first=50).body)
        with pytest.raises(BatchRefused) as refusal:
            await harness.uplink.send(other)
        assert not refusal.value.retryable

    async def test_a_refused_batch_does_not_spoil_the_next(self, harness: UplinkHarness) -> None:
        harness.behave(Manner.REFUSES)
        with pytest.raises(BatchRefused):
            await harness.uplink.send(lease(1))
        harness.behave(Manner.WELL)
        assert (await harness.uplink.send(lease(2))).seq == 2

    async def test_a_token_that_is_refused_is_told_apart(self, harness: UplinkHarness) -> None:
        harness.behave(Manner.KNOWS_US_NOT)
        with pytest.raises(Unauthorized) as refusal:
            await harness.uplink.send(lease(1))
        assert refusal.value.retryable
        harness.behave(Manner.WELL)
        await harness.uplink.send(lease(1))

    async def test_a_busy_cloud_says_when_to_come_again(self, harness: UplinkHarness) -> None:
        harness.behave(Manner.BUSY)
        with pytest.raises(Unreachable) as busy:
            await harness.uplink.send(lease(1))
        assert busy.value.retry_after_s == ASKED_S
        assert busy.value.retryable

    async def test_a_silent_cloud_is_unreachable_within_the_deadline(self, harness: UplinkHarness) -> None:
        harness.behave(Manner.SILENT)
        async with asyncio.timeout(60):
            with pytest.raises(Unreachable) as silence:
                await harness.uplink.send(lease(1))
        assert silence.value.retry_after_s is None
        harness.behave(Manner.WELL)
        await harness.uplink.send(lease(1))

    async def test_a_lost_answer_is_no_receipt_and_the_batch_is_a_duplicate_then(self, harness: UplinkHarness) -> None:
        harness.behave(Manner.LOSES_ANSWERS)
        with pytest.raises(Unreachable):
            await harness.uplink.send(lease(1))
        harness.behave(Manner.WELL)
        assert (await harness.uplink.send(lease(1))).outcome is Outcome.DUPLICATE

    async def test_a_greeting_is_taken_and_stores_nothing(self, harness: UplinkHarness) -> None:
        await harness.uplink.greet(Sign(12))
        await harness.uplink.greet(Sign(0))
        assert harness.cloud.batches == {}

    async def test_a_greeting_fails_as_a_batch_would(self, harness: UplinkHarness) -> None:
        harness.behave(Manner.KNOWS_US_NOT)
        with pytest.raises(Unauthorized):
            await harness.uplink.greet(Sign(12))
        harness.behave(Manner.BUSY)
        with pytest.raises(Unreachable) as busy:
            await harness.uplink.greet(Sign(12))
        assert busy.value.retry_after_s == ASKED_S
        harness.behave(Manner.SILENT)
        async with asyncio.timeout(60):
            with pytest.raises(Unreachable):
                await harness.uplink.greet(Sign(12))

    async def test_several_may_be_under_way_and_each_gets_its_own_receipt(self, harness: UplinkHarness) -> None:
        receipts = await asyncio.gather(*(harness.uplink.send(lease(seq, 10 * seq)) for seq in range(1, 9)))
        assert [receipt.seq for receipt in receipts] == list(range(1, 9))
        assert len(harness.cloud.order) == 8

    async def test_one_that_is_cancelled_leaves_the_others_and_the_next_alone(self, harness: UplinkHarness) -> None:
        tasks = [asyncio.create_task(harness.uplink.send(lease(seq, 10 * seq))) for seq in range(1, 4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert tasks[1].cancelled()
        assert [tasks[0].result().seq, tasks[2].result().seq] == [1, 3]
        assert (await harness.uplink.send(lease(2, 20))).seq == 2
