"""The gateway's client of its cloud: a request and the whole of its answer within one deadline, or Unreachable.

On a line that is known to be thin the deadline grows with the body: one that moves `SLOWEST` bytes a second is slow,
one that moves less is broken. On others it does not, so that a connection whose other end is gone is given up soon. A
body is handed over in pieces, and a piece that nobody takes for `STALL_S` ends the request long before either.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from edge.errors import ConfigError, Unreachable
from edge.ports import FIRST
from shared.logs import get

# an answer, and a request without a body: a cloud that is busy may take its time
TIMEOUT_S = 30.0
# A body may take as long as this rate needs, bytes a second, beside that: 100 kB over a line of 16 kbit/s, another
# request beside it. The cloud reads on for as long (cloud.middleware).
SLOWEST = 1_000
# and the largest batch on a line that is worth having; who is cut off meanwhile is tried again
_LONGEST_S = 600.0
# nothing of a body taken for so long
STALL_S = 15.0
_PIECE = 16_384
# a receipt has 200 bytes
MAX_ANSWER = 65_536
# uvicorn closes an idle connection after 5 s; ours must not be the one that finds out
_KEEP_ALIVE_S = 4.0
_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """How requests go to the cloud.

    Attributes:
        proxy: Address of a proxy, `http://`, `https://` or `socks5://`, with user and password if it wants them; empty
            for none, None for what the environment says.
        ca: File with the certificates that may have signed the cloud's (PEM); the usual authorities if None.
        certificate, key: Files with our own, for a cloud behind a proxy that wants one (PEM).
    """

    proxy: str | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class CloudClient:
    """Connections that are kept, and the token that every request bears.

    Args:
        url: The cloud, such as https://cloud.example.com; a path in it is kept.
        token: The gateway's; it goes nowhere but into requests' headers.
        timeout_s: For a request as a whole, whatever trickles in meanwhile; a body adds to it.
        way: How requests get there.
        name: The destination's.
        another_token: Asked when the cloud refuses the token: another one that has been written down since, or None.

    Raises:
        ConfigError: The address, the token, the proxy or a certificate cannot be one.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        timeout_s: float = TIMEOUT_S,
        way: Way | None = None,
        another_token: Callable[[], Awaitable[str | None]] | None = None,
        name: str = FIRST,
    ) -> None:
        self.url = _address(url)
        is_local = is_loopback(self.url.host)
        if self.url.scheme == "http" and not is_local:
            _log.warning(
                "its url is not https: the token and all readings can be read on the way",
                destination=name,
                url=str(self.url),
            )
        self._another_token = another_token
        self._timeout_s = timeout_s
        self._authorization = "" if token is None else _bearer(token)
        self._http = http_client(self.url, way if way is not None else Way(), timeout_s)

    def use(self, token: str) -> None:
        """Bear another token from the next request on.

        Raises:
            ConfigError: It cannot be one.
        """
        self._authorization = _bearer(token)

    async def exchange(
        self,
        path: str,
        content: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        method: str = "POST",
        max_answer: int = MAX_ANSWER,
        is_thin: bool = False,
    ) -> tuple[httpx.Response, bytes]:
        """Ask and read the answer, all of it within the deadline. A token that was renewed meanwhile is tried, too.

        Raises:
            Unreachable: There was no answer.
        """
        borne = self._authorization
        limit_s = self._timeout_s + (min(len(content) / SLOWEST, _LONGEST_S) if is_thin else 0.0)
        answer = await self._within(limit_s, path, content, headers or {}, method, max_answer)
        if answer[0].status_code != httpx.codes.UNAUTHORIZED:
            return answer
        if borne == self._authorization and self._another_token is not None:
            other = await self._another_token()
            # what stands there may be no token at all; then the present one is as good
            with suppress(ConfigError):
                self.use(other if other is not None else "")
        if borne == self._authorization:
            return answer
        return await self._within(limit_s, path, content, headers or {}, method, max_answer)

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def _within(
        self, limit_s: float, path: str, content: bytes, headers: dict[str, str], method: str, max_answer: int
    ) -> tuple[httpx.Response, bytes]:
        url = str(self.url) + path
        try:
            async with asyncio.timeout(limit_s):
                return await self._ask(url, content, headers, method, max_answer)
        except TimeoutError as error:
            raise Unreachable(f"{url} gave no whole answer within {limit_s:.3g} s") from error
        except httpx.WriteTimeout as error:
            raise Unreachable(f"{url} took nothing more of {len(content)} bytes for {STALL_S:g} s") from error
        except httpx.TimeoutException as error:
            raise Unreachable(f"{url} did not answer ({type(error).__name__})") from error
        except httpx.ProxyError as error:
            raise Unreachable(f"{url}: the proxy refuses ({error}); check cloud.proxy") from error
        except (httpx.HTTPError, OSError) as error:
            raise Unreachable(f"{url}: {error or type(error).__name__}") from error

    async def _ask(
        self, url: str, content: bytes, headers: dict[str, str], method: str, max_answer: int
    ) -> tuple[httpx.Response, bytes]:
        if self._authorization:
            headers = {**headers, "Authorization": self._authorization}
        if content:
            headers = {**headers, "Content-Length": str(len(content))}
        pieces = _pieces(content) if content else None
        async with self._http.stream(method, url, content=pieces, headers=headers) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > max_answer:
                    raise Unreachable(f"{url} answered more than {max_answer} bytes; check cloud.url")
            return response, bytes(body)


def http_client(url: httpx.URL, way: Way, timeout_s: float) -> httpx.AsyncClient:
    """Return what asks there over that way, as the daemon does.

    Raises:
        ConfigError: The proxy or a certificate cannot be used.
    """
    return httpx.AsyncClient(
        headers={"User-Agent": "tezgah-edge"},
        # the deadline ends all else; these only name what was waited for
        timeout=httpx.Timeout(timeout_s, read=None, write=min(STALL_S, timeout_s)),
        limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE_S),
        verify=_trust(way) if url.scheme == "https" else True,
        proxy=_proxy(way.proxy) if way.proxy else None,
        # a proxy from the environment is right for the outside only
        trust_env=way.proxy is None and not is_loopback(url.host),
    )


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise ConfigError(f"cloud.url {url!r} is no address: {error}") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise ConfigError(f"cloud.url {url!r} is no address; write it like https://cloud.example.com")
    return address


def _bearer(token: str) -> str:
    token = token.strip()
    if not (token and token.isascii() and token.isprintable()):
        raise ConfigError("cloud.token is empty or holds characters no token has; check where it is read from")
    return f"Bearer {token}"


def _proxy(proxy: str) -> httpx.Proxy:
    try:
        return httpx.Proxy(proxy)
    except (ValueError, httpx.InvalidURL) as error:
        # it may hold a password
        raise ConfigError(
            "cloud.proxy is no address of a proxy; write it like http://proxy.example.com:3128"
        ) from error


def _trust(way: Way) -> ssl.SSLContext:
    try:
        context = httpx.create_ssl_context() if way.ca is None else ssl.create_default_context(cafile=str(way.ca))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cloud.tls.ca: {way.ca} cannot be used: {error}; expected certificates, PEM") from error
    if way.certificate is None:
        return context
    try:
        # an empty password: a key that wants one must not make the daemon ask on a terminal
        context.load_cert_chain(way.certificate, way.key, password="")
    except (OSError, ValueError) as error:
        files = way.certificate if way.key is None else f"{way.certificate} and {way.key}"
        raise ConfigError(
            f"cloud.tls: {files} cannot be used: {error}; expected a certificate and its key, PEM, without a password"
        ) from error
    return context
