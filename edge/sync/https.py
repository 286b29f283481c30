"""The uplink over HTTPS: one batch, one POST, one receipt; any other answer is named by what follows from it.

Only the cloud's own word sets a batch aside, so a refusal counts only with its error body: a proxy that answers 413
by itself does not speak for the cloud. An answer that concerns every batch alike (404, 415, 426) is "not now".
"""

import asyncio
import ipaddress
from contextlib import suppress
from email.utils import parsedate_to_datetime
from importlib import metadata
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from edge.errors import BatchRefused, ConfigError, Unauthorized, Unreachable
from edge.ports import Lease
from shared.errors import WireError
from shared.logs import get
from shared.wire.batch import CONTENT_TYPE
from shared.wire.receipt import Receipt, from_json

PATH = "/api/v1/ingest/batches"
ALIVE_PATH = "/api/v1/gateways/alive"
# 100 kB in 30 s is the slowest modem worth having
TIMEOUT_S = 30.0
# a receipt has 200 bytes
_MAX_ANSWER = 65_536
# uvicorn closes an idle connection after 5 s; ours must not be the one that finds out
_KEEP_ALIVE_S = 4.0
# what is wrong with this batch, and would be wrong with it for ever
_REFUSED = {400, 409, 413, 422}
_log = get(__name__)


class HttpsUplink:
    """The Uplink port over HTTP/1.1 with kept connections.

    Args:
        url: The cloud, such as https://cloud.example.com; a path in it is kept.
        token: The gateway's; it goes nowhere but into the request's header.
        timeout_s: For a request as a whole, whatever trickles in meanwhile.

    Raises:
        ConfigError: The address or the token cannot be one.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = TIMEOUT_S) -> None:
        address = _address(url)
        is_local = is_loopback(address.host)
        if address.scheme == "http" and not is_local:
            _log.warning("cloud.url is not https: the token and all readings can be read on the way", url=str(address))
        token = token.strip()
        if not (token and token.isascii() and token.isprintable()):
            raise ConfigError("cloud.token is empty or holds characters no token has; check where it is read from")
        self._url = str(address)
        self._alive_url = str(address).removesuffix(PATH) + ALIVE_PATH
        self._version = metadata.version("tezgah")
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}", "User-Agent": "tezgah-edge"},
            timeout=timeout_s,
            limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE_S),
            # a proxy from the environment is right for the outside only
            trust_env=not is_local,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, lease: Lease) -> Receipt:
        """See `edge.ports.Uplink.send`."""
        headers = {"Content-Type": CONTENT_TYPE, "X-Request-ID": f"{lease.id.epoch.hex[:8]}-{lease.id.seq}"}
        response, body = await self._exchange(self._url, lease.body, headers)
        if response.status_code != httpx.codes.OK:
            raise _named(response, body)
        return _receipt(body, lease)

    async def greet(self, waiting: int) -> None:
        """See `edge.ports.Uplink.greet`."""
        told = msgspec.json.encode({"version": self._version, "waiting": waiting})
        response, body = await self._exchange(self._alive_url, told, {"Content-Type": "application/json"})
        # an older cloud does not know the path, but has answered; somebody else's 404 is no answer of a cloud
        is_older = response.status_code in {404, 405} and _problem(response, body)[0] is not None
        if not response.is_success and not is_older:
            error = _named(response, body)
            raise Unreachable(error.message) if isinstance(error, BatchRefused) else error

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _exchange(self, url: str, content: bytes, headers: dict[str, str]) -> tuple[httpx.Response, bytes]:
        """Post and read the answer, all of it within the deadline.

        Raises:
            Unreachable: There was none.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, content, headers)
        except TimeoutError as error:
            raise Unreachable(f"{url} gave no whole answer within {self._timeout_s:g} s") from error
        except httpx.TimeoutException as error:
            raise Unreachable(f"{url} did not answer ({type(error).__name__})") from error
        except (httpx.HTTPError, OSError) as error:
            raise Unreachable(f"{url}: {error or type(error).__name__}") from error

    async def _post(self, url: str, content: bytes, headers: dict[str, str]) -> tuple[httpx.Response, bytes]:
        async with self._client.stream("POST", url, content=content, headers=headers) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_ANSWER:
                    raise Unreachable(f"{url} answered more than {_MAX_ANSWER} bytes; check cloud.url")
            return response, bytes(body)


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url.rstrip("/") + PATH)
    except httpx.InvalidURL as error:
        raise ConfigError(f"cloud.url {url!r} is no address: {error}") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise ConfigError(f"cloud.url {url!r} is no address; write it like https://cloud.example.com")
    return address


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


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


def _named(response: httpx.Response, body: bytes) -> BatchRefused | Unauthorized | Unreachable:
    status = response.status_code
    code, detail = _problem(response, body)
    words = f"the cloud answered {status} {code or response.reason_phrase}: {detail}"
    if status in {401, 403}:
        return Unauthorized(f"{words}; check cloud.token, or enrol this gateway again")
    if status in _REFUSED and code is not None:
        return BatchRefused(words)
    if response.is_redirect:
        words = f"{words}; it points to {response.headers.get('location', 'nowhere')!r}: correct cloud.url"
    elif status < 500 and status not in {408, 425, 429}:
        words = f"{words}; check cloud.url and that cloud and gateway are of matching versions"
    return Unreachable(words, retry_after_s=_retry_after_s(response.headers))


def _problem(response: httpx.Response, body: bytes) -> tuple[str | None, str]:
    """Return the code and the words of the cloud's error body; no code if it is not the cloud's."""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        with suppress(msgspec.MsgspecError):
            problem = msgspec.json.decode(body, type=dict[str, Any])
            if isinstance(problem.get("error_code"), str):
                return problem["error_code"][:100], str(problem.get("detail", ""))[:300]
    return None, "not an answer of a Tezgah cloud"


def _retry_after_s(headers: httpx.Headers) -> float | None:
    asked = headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    with suppress(ValueError, TypeError):
        # the other form is a time; taken by the cloud's own clock
        return max(0.0, (parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    return None
