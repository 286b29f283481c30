"""The uplink over HTTPS: one batch, one POST, one receipt; any other answer is named by what follows from it."""

import asyncio
import re
from datetime import UTC, datetime
from importlib import metadata
from types import TracebackType
from typing import Self

import httpx
import msgspec

from edge.errors import BatchRefused, Unreachable
from edge.ports import Lease, Orders, Sign
from edge.sync.answers import named, problem
from edge.sync.client import TIMEOUT_S, CloudClient
from edge.sync.fit import Fit
from shared.errors import WireError
from shared.wire.batch import CONTENT_TYPE
from shared.wire.receipt import Receipt, from_json

PATH = "/api/v1/ingest/batches"
ALIVE_PATH = "/api/v1/gateways/alive"
_STORED = re.compile(r"\bstore;dur=(\d{1,9}(?:\.\d{1,6})?)")
# outside these a time is one of a clock that was never set, and the cloud takes no such thing
_FIRST_US, _LAST_US = 946_684_800_000_000, 4_102_444_800_000_000


class HttpsUplink:
    """The Uplink port over HTTP/1.1 with kept connections.

    Args:
        url, token, timeout_s: For a client of its own.
        client: Or the one that is there; closed by whoever made it.
        fit: Learns from each batch how large the next ones may be.

    Raises:
        ConfigError: The address or the token cannot be one.
    """

    def __init__(
        self,
        url: str = "",
        token: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        client: CloudClient | None = None,
        fit: Fit | None = None,
    ) -> None:
        self._fit = fit if fit is not None else Fit()
        self._client = client if client is not None else CloudClient(url, token, timeout_s=timeout_s)
        self._version = metadata.version("tezgah")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, lease: Lease) -> Receipt:
        """See `edge.ports.Uplink.send`."""
        headers = {"Content-Type": CONTENT_TYPE, "X-Request-ID": f"{lease.id.epoch.hex[:8]}-{lease.id.seq}"}
        now, rows = asyncio.get_running_loop().time, max(1, lease.rows)
        began_s = now()
        try:
            response, body = await self._client.exchange(PATH, lease.body, headers, is_thin=self._fit.is_thin)
        except Unreachable:
            self._fit.failed(rows, now() - began_s)
            raise
        if response.status_code != httpx.codes.OK:
            raise named(response, body)
        self._fit.brought(rows, now() - began_s - _stored_s(response.headers))
        return _receipt(body, lease)

    async def greet(self, sign: Sign) -> Orders:
        """See `edge.ports.Uplink.greet`."""
        told: dict[str, object] = {"version": self._version, "waiting": sign.waiting}
        if sign.buffer_bytes is not None:
            told["buffer_bytes"] = sign.buffer_bytes
        for name, us in (("oldest_waiting_at", sign.oldest_us), ("sent_at", sign.sent_us)):
            if us is not None and _FIRST_US <= us < _LAST_US:
                told[name] = datetime.fromtimestamp(us / 1e6, UTC).isoformat()
        if sign.device_skews_s:
            told["device_clock_skew_s"] = dict(sign.device_skews_s)
        headers = {"Content-Type": "application/json"}
        response, body = await self._client.exchange(ALIVE_PATH, msgspec.json.encode(told), headers)
        if _refuses(response, body):
            # an older cloud, which does not know all that is said; that it lives any cloud has understood
            response, body = await self._client.exchange(
                ALIVE_PATH, msgspec.json.encode({"version": self._version}), headers
            )
        # an older cloud does not know the path, but has answered; somebody else's 404 is no answer of a cloud
        is_older = response.status_code in {404, 405} and problem(response, body)[0] is not None
        if not response.is_success and not is_older and not _refuses(response, body):
            raise named(response, body)
        return _orders(response.headers)

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def _refuses(response: httpx.Response, body: bytes) -> bool:
    """Return whether the cloud itself does not take what was said; it is there all the same, and takes batches."""
    return isinstance(named(response, body), BatchRefused)


def _stored_s(headers: httpx.Headers) -> float:
    """Return how long the cloud took to store the batch, once it had it all; 0 if it does not say."""
    found = _STORED.search(headers.get("server-timing", ""))
    return float(found[1]) / 1e3 if found is not None else 0.0


def _orders(headers: httpx.Headers) -> Orders:
    version = headers.get("tezgah-configuration", "")
    return Orders(
        int(version) if version.isdecimal() and len(version) < 10 else None,
        is_to_rotate=headers.get("tezgah-rotate-token") == "1",
    )


def _receipt(body: bytes, lease: Lease) -> Receipt:
    try:
        receipt = from_json(body)
    except WireError as error:
        raise Unreachable(error.message) from error
    if (receipt.epoch, receipt.seq, receipt.rows) != (str(lease.id.epoch), lease.id.seq, lease.rows):
        raise Unreachable(
            f"sent was batch {lease.id.seq} of epoch {lease.id.epoch} with {lease.rows} readings, the receipt is for "
            f"{receipt.seq} of {receipt.epoch} with {receipt.rows}; it is kept; check what stands before the cloud"
        )
    return receipt
