"""The promises of the PhotoStore port: the directory and the S3 bucket are both held to them.

A test file makes a `PhotoStoreHarness` and a class that inherits `PhotoStoreSuite` and has a fixture `harness`.
"""

import asyncio
import uuid
from abc import ABC, abstractmethod

import pytest

from cloud.issues.store import PhotoStore, StoreUnavailable

PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400


class PhotoStoreHarness(ABC):
    """A store, and its other end."""

    store: PhotoStore

    @abstractmethod
    def reopened(self) -> PhotoStore:
        """Return another store over the same place: another worker's, or after a restart."""

    @abstractmethod
    def break_off(self) -> None:
        """Let the place be out of reach."""


def fresh() -> str:
    return f"{uuid.uuid4().hex}/{uuid.uuid4().hex}"


class PhotoStoreSuite:
    """What every store of photos does."""

    async def test_what_was_put_comes_back_byte_for_byte(self, harness: PhotoStoreHarness) -> None:
        for content in (PHOTO, b"", b"\r\n--x\r\n\x00"):
            key = fresh()
            await harness.store.put(key, content, "image/png")
            assert await harness.store.get(key) == content

    async def test_another_worker_finds_it_under_its_key(self, harness: PhotoStoreHarness) -> None:
        key = fresh()
        await harness.store.put(key, PHOTO, "image/png")
        other = harness.reopened()
        assert await other.get(key) == PHOTO
        await other.close()

    async def test_a_key_that_nobody_put_has_nothing(self, harness: PhotoStoreHarness) -> None:
        key = fresh()
        await harness.store.put(key, PHOTO, "image/png")
        assert await harness.store.get(fresh()) is None
        assert await harness.store.get(key.partition("/")[0] + "/other") is None

    async def test_many_at_once_are_kept_each_under_its_key(self, harness: PhotoStoreHarness) -> None:
        keys = [fresh() for _ in range(10)]
        async with asyncio.TaskGroup() as group:
            for number, key in enumerate(keys):
                group.create_task(harness.store.put(key, PHOTO + bytes([number]), "image/png"))
        for number, key in enumerate(keys):
            assert await harness.store.get(key) == PHOTO + bytes([number])

    async def test_a_place_out_of_reach_is_told_as_one_to_be_tried_again(self, harness: PhotoStoreHarness) -> None:
        harness.break_off()
        with pytest.raises(StoreUnavailable) as caught:
            await harness.store.put(fresh(), PHOTO, "image/png")
        assert caught.value.retryable
        assert caught.value.headers["Retry-After"]
