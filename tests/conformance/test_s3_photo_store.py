"""A bucket keeps the promises of the PhotoStore port; against s3rver.

It knows who signs, but does not reckon signatures: `tests/unit/cloud/issues/test_sigv4.py` holds those to AWS's own.

It needs node and what `npm ci` installs in `s3`; without them these tests are left out, unless
TEZGAH_TEST_NOTHING_SKIPPED=1 says that everything must be there.
"""

import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cloud.issues.s3 import S3Store
from cloud.issues.sigv4 import Identity
from cloud.issues.store import PhotoStore, StoreUnavailable
from tests.conformance.photo_store_suite import PHOTO, PhotoStoreHarness, PhotoStoreSuite, fresh

HERE = Path(__file__).parent / "s3"
PROGRAM = HERE / "node_modules" / "s3rver" / "bin" / "s3rver.js"
NODE = shutil.which("node")
IS_THERE = NODE is not None and PROGRAM.is_file()
SERVERS = ["s3rver"] if IS_THERE or os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1" else []
# the only one that s3rver knows
IDENTITY = Identity("S3RVER", "S3RVER", "us-east-1")
BUCKET = "photos"


@pytest.fixture(scope="module", params=SERVERS)
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of this module's own."""
    assert IS_THERE, f"node, or what `npm ci` installs in {HERE}, is missing"
    command = [str(NODE), str(PROGRAM), "-d", str(tmp_path_factory.mktemp("s3")), "-p", "0"]
    process = subprocess.Popen([*command, "--configure-bucket", BUCKET], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"listening on (\S+):(\d+)", line):
                yield f"http://{found[1]}:{found[2]}"
                break
    finally:
        process.kill()
        process.wait()


class S3Harness(PhotoStoreHarness):
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.store: PhotoStore = S3Store(endpoint, BUCKET, IDENTITY)

    def reopened(self) -> PhotoStore:
        return S3Store(self.endpoint, BUCKET, IDENTITY)

    def break_off(self) -> None:
        self.store = S3Store("http://127.0.0.1:9", BUCKET, IDENTITY)  # nobody listens on `discard`


class TestS3Store(PhotoStoreSuite):
    @pytest.fixture
    async def harness(self, endpoint: str) -> AsyncIterator[S3Harness]:
        made = S3Harness(endpoint)
        yield made
        await made.store.close()

    @pytest.mark.parametrize(
        ("bucket", "identity"),
        [
            (BUCKET, Identity("NOBODY", "S3RVER", "us-east-1")),
            ("not-there", IDENTITY),
        ],
        ids=["unknown", "no bucket"],
    )
    async def test_a_store_that_refuses_is_not_taken_for_an_empty_one(
        self, endpoint: str, bucket: str, identity: Identity
    ) -> None:
        store = S3Store(endpoint, bucket, identity)
        for asking in (store.put(fresh(), PHOTO, "image/png"), store.get(fresh())):
            with pytest.raises(StoreUnavailable):
                await asking
        await store.close()
