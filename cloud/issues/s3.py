"""Owns keeping photos in a bucket of any S3-compatible store: AWS, MinIO, Ceph, Garage."""

from datetime import UTC, datetime

import httpx

from cloud.issues import messages, sigv4
from cloud.issues.sigv4 import Identity
from cloud.issues.store import StoreUnavailable
from shared import logs

# a request of ours waits for it, and holds a connection to the database meanwhile
TIMEOUT_S = 10.0
RETRY_AFTER_S = 30

log = logs.get(__name__)


class S3Store:
    """A `PhotoStore` in a bucket, addressed by path, for that is what every such store understands."""

    def __init__(self, endpoint: str, bucket: str, identity: Identity) -> None:
        """Prepare; nothing connects yet.

        Args:
            endpoint: `https://s3.example.com`.
            bucket: One that is there already.
            identity: Whose bucket it is.
        """
        self._place = f"{endpoint.rstrip('/')}/{bucket}"
        self._identity = identity
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        """Put one object."""
        answer = await self._ask("PUT", key, content, {"content-type": media_type})
        if answer.status_code not in {200, 201, 204}:
            raise self._refused("PUT", answer)

    async def get(self, key: str) -> bytes | None:
        """Get one object."""
        answer = await self._ask("GET", key, b"", {})
        # a missing bucket is 404, too, and no missing photo
        if answer.status_code == 404 and b"NoSuchBucket" not in answer.content:
            return None
        if answer.status_code != 200:
            raise self._refused("GET", answer)
        return answer.content

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, method: str, key: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        url = f"{self._place}/{key}"
        signed = sigv4.signed(self._identity, method, url, content, datetime.now(UTC), headers)
        try:
            return await self._http.request(method, url, content=content, headers=signed)
        except httpx.HTTPError as error:
            log.warning("photo_store_unavailable", store=self._place, reason=repr(error))
            raise StoreUnavailable(messages.STORAGE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S) from error

    def _refused(self, method: str, answer: httpx.Response) -> StoreUnavailable:
        # the store's own words are for the operator
        log.error(
            "photo_store_refused", store=self._place, method=method, status=answer.status_code, said=answer.text[:500]
        )
        return StoreUnavailable(messages.STORAGE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)
