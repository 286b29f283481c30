"""Owns what a store of photos promises: bytes under a key, kept before `put` returns."""

from typing import Protocol

from cloud.errors import Unavailable


class StoreUnavailable(Unavailable):
    """The store of photos does not answer; the same request may succeed later."""

    code = "STORAGE_UNAVAILABLE"


class PhotoStore(Protocol):
    """Keeps bytes under keys that the service makes: letters, digits and `/`. Nobody retries but the caller.

    A key is written once and never again, so what is read under one is always the same.
    """

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        """Keep the bytes; once this returns, they are there after a power cut.

        Raises:
            StoreUnavailable: They were not kept.
        """
        ...

    async def get(self, key: str) -> bytes | None:
        """Return the bytes, or None when there are none under this key.

        Raises:
            StoreUnavailable: It cannot be told.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
