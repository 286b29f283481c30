"""The directory keeps the promises of the PhotoStore port."""

from pathlib import Path

import pytest

from cloud.issues.disk import DiskStore
from cloud.issues.store import PhotoStore, StoreUnavailable
from tests.conformance.photo_store_suite import PHOTO, PhotoStoreHarness, PhotoStoreSuite, fresh


class DiskHarness(PhotoStoreHarness):
    def __init__(self, directory: Path) -> None:
        self.directory = directory / "photos"
        self.store: PhotoStore = DiskStore(self.directory)

    def reopened(self) -> PhotoStore:
        return DiskStore(self.directory)

    def break_off(self) -> None:
        # where the directory should be is a file, which no permission of root's changes
        self.directory.write_bytes(b"")


class TestDiskStore(PhotoStoreSuite):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> DiskHarness:
        return DiskHarness(tmp_path)

    async def test_what_could_not_be_kept_leaves_nothing_behind(self, harness: DiskHarness) -> None:
        key = fresh()
        (harness.directory / key).mkdir(parents=True)  # its name is taken by a directory
        with pytest.raises(StoreUnavailable):
            await harness.store.put(key, PHOTO, "image/png")
        assert [path for path in harness.directory.rglob("*") if path.is_file()] == []
