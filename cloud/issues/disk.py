"""Owns keeping photos in a directory; for one machine, or several that share it."""

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cloud.issues import messages
from cloud.issues.store import StoreUnavailable
from shared import logs

RETRY_AFTER_S = 30

log = logs.get(__name__)


class DiskStore:
    """A `PhotoStore` of files; a photo is whole under its name, or not there."""

    def __init__(self, directory: Path) -> None:
        """Name the directory; it is made when the first photo comes."""
        self._directory = directory

    async def put(self, key: str, content: bytes, _: str) -> None:
        """Write, fsync, and only then give it its name."""
        try:
            await asyncio.to_thread(self._write, self._directory / key, content)
        except OSError as error:
            log.error("photo_not_kept", directory=str(self._directory), reason=str(error))  # noqa: TRY400 - says it all
            raise StoreUnavailable(messages.STORAGE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S) from error

    async def get(self, key: str) -> bytes | None:
        """Read the file of this name."""
        try:
            return await asyncio.to_thread((self._directory / key).read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(messages.STORAGE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S) from error

    async def close(self) -> None:
        """Nothing is open between calls."""

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
        _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    # the name is on disk only with its directory; Windows has no such call, and keeps names by itself
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
