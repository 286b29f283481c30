"""The doctor's look at the cloud: is it there, is it ours, does it take this token, and what time is it there.

The question that proves the token is the sign of life that the daemon sends every minute, without a body: the cloud
notes that this gateway was heard, and nothing else. That the token is of the gateway that the configuration names is
only seen when a batch is sent; the doctor sends none.
"""

import os
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from edge.clock import Clock
from edge.config.options import DestinationOptions
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Finding, Severity
from edge.errors import ConfigError
from edge.ports import FIRST
from edge.remote.way import way
from edge.settings import Destination
from edge.sync.client import http_client, is_loopback
from edge.sync.https import ALIVE_PATH
from edge.sync.token import TokenStore

_TIMEOUT_S = 8.0
# the Date header has whole seconds, and the half of a slow request is unknown
_SKEW_S = 5.0
_RENEW_DAYS = 21
_MAX_DOCUMENT = 8_000_000


async def examine(destination: Destination, beside: Path, state: Path, clock: Clock) -> Section:
    """Ask a cloud once, over the way and with the token that the daemon would use; trouble is told as findings.

    Args:
        destination: Which.
        beside: Where relative paths of the configuration begin.
        state: The state directory, where a renewed token may stand.
        clock: Time.
    """
    options, name = destination.options, destination.name
    title = name if name == FIRST else f"destination {name}"
    host = urlsplit(options.url).hostname or ""
    is_local = is_loopback(host)
    facts, found = [("url", options.url)], list(_about_address(options.url, is_local=is_local))
    if proxy := _proxy(options, is_local=is_local):
        facts.append(("proxy", proxy))
    if options.tls.ca is not None:
        facts.append(("authority", options.tls.ca))
    if options.tls.certificate is not None:
        facts.append(("own certificate", options.tls.certificate))
    tokens = TokenStore(options.token.get_secret_value(), destination.token_file, state, name)
    token = tokens.current()
    if tokens.is_renewed:
        facts.append(("token", f"the renewed one in {state}"))
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "tezgah-edge-doctor"}
    try:
        async with http_client(httpx.URL(options.url), way(options, beside), _TIMEOUT_S) as client:
            # what answers in drips is given up, too
            client.timeout = httpx.Timeout(_TIMEOUT_S)
            began_us, began_s = clock.now_us(), time.perf_counter()
            answer = await client.post(options.url + ALIVE_PATH, headers=headers)
            took_s = time.perf_counter() - began_s
            facts.append(("answered in", f"{took_s * 1e3:.0f} ms"))
            found.extend(_tls(answer, facts))
            found.extend(_token(answer, facts))
            found.extend(_skew(answer, began_us + int(took_s * 5e5), facts))
            if answer.status_code == httpx.codes.NO_CONTENT:
                found.extend(await _service(client, options.url, facts))
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        found.append(_unreachable(error, host, proxy=dict(facts).get("proxy"), has_ca=options.tls.ca is not None))
    except ConfigError as error:
        found.append(Finding(Severity.ERROR, title, error.message, "correct the file or the key that it names"))
    return Section(title, found, facts)


def _about_address(url: str, *, is_local: bool) -> Iterator[Finding]:
    if url.startswith("http://") and not is_local:
        message = "the token and all readings can be read on the way"
        yield Finding(Severity.WARNING, "cloud.url", message, "use https, or a line that nobody else sees")


def _proxy(options: DestinationOptions, *, is_local: bool) -> str:
    """Return the proxy that stands between, without a password; empty for none."""
    if options.proxy is not None:
        return "" if options.proxy == "none" else urlsplit(options.proxy).netloc
    return "" if is_local else _proxy_of_environment(options.url)


def _proxy_of_environment(url: str) -> str:
    scheme, host = urlsplit(url).scheme, urlsplit(url).hostname or ""
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(host):
        return ""
    # a proxy's address may carry a password
    return urlsplit(proxies.get(scheme) or proxies.get("all") or "")._replace(query="").netloc.rpartition("@")[2]


def _tls(answer: httpx.Response, facts: list[tuple[str, str]]) -> Iterator[Finding]:
    stream: Any = answer.extensions.get("network_stream")
    connection = stream.get_extra_info("ssl_object") if stream is not None else None
    if connection is None:
        return
    certificate: dict[str, Any] = connection.getpeercert() or {}
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    names = ", ".join(value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS")
    issuer = ", ".join(value for part in certificate.get("issuer", ()) for key, value in part if key == "commonName")
    facts.append(("TLS", f"{connection.version()}, {connection.cipher()[0]}"))
    facts.append(
        ("certificate", f"for {names or 'its address'}, by {issuer or 'nobody named'}, until {until:%Y-%m-%d}")
    )
    left = until - datetime.now(UTC)
    if left.days < _RENEW_DAYS:
        message = f"the cloud's certificate ends in {left.days} days, on {until:%Y-%m-%d}"
        yield Finding(Severity.WARNING, "TLS", message, "let whoever runs the cloud renew it")


def _token(answer: httpx.Response, facts: list[tuple[str, str]]) -> Iterator[Finding]:
    status, is_ours = answer.status_code, answer.headers.get("content-type", "").startswith("application/problem+json")
    if status == httpx.codes.NO_CONTENT:
        facts.append(("token", "accepted"))
    elif status in {401, 403} and is_ours:
        problem = _json(answer.content)
        facts.append(("token", "refused"))
        message = f"the cloud refuses the token ({problem.get('error_code', status)}): {problem.get('detail', '')}"
        fix = "put a new one where cloud.token refers to (`tezgah-cloud gateway revoke`, then `gateway create`)"
        yield Finding(Severity.ERROR, "cloud.token", message.rstrip(": "), fix)
    elif status in {404, 405} and is_ours:
        facts.append(("token", "not asked for: this cloud is older and knows no sign of life"))
    elif answer.is_redirect:
        message = f"it answers with a redirection to {answer.headers.get('location', 'nowhere')!r}"
        yield Finding(Severity.ERROR, "cloud.url", message, "write the address that it points to")
    elif status in {429, 502, 503, 504} or is_ours:
        message = f"it answers {status} {answer.reason_phrase}: {_json(answer.content).get('detail', '')}".rstrip(": ")
        yield Finding(
            Severity.ERROR, "cloud", message, "look into the cloud's log; readings wait in the buffer meanwhile"
        )
    else:
        message = f"what answers there ({status} {answer.reason_phrase}) is not a Tezgah cloud"
        yield Finding(Severity.ERROR, "cloud.url", message, "check the address, and what stands before the cloud")


def _skew(answer: httpx.Response, now_us: int, facts: list[tuple[str, str]]) -> Iterator[Finding]:
    try:
        # its fraction is cut off, so half a second is added
        there_s = parsedate_to_datetime(answer.headers.get("date", "")).timestamp() + 0.5
    except (ValueError, TypeError):
        return
    skew_s = now_us / 1e6 - there_s
    side = "ahead of" if skew_s > 0 else "behind"
    words = f"{abs(skew_s):.1f} s {side} the cloud's" if abs(skew_s) > 1 else "within a second of the cloud's"
    facts.append(("clock", f"this gateway's is {words}"))
    if abs(skew_s) > _SKEW_S:
        fix = "synchronise this machine's clock (chrony or systemd-timesyncd); Modbus readings have no other time"
        yield Finding(Severity.ERROR, "clock", f"this gateway's clock is {words}", fix)


async def _service(client: httpx.AsyncClient, url: str, facts: list[tuple[str, str]]) -> list[Finding]:
    """Ask what it is and whether it can work; both are public."""
    found = []
    with suppress(httpx.HTTPError):
        ready = await client.get(f"{url}/health/ready")
        if not ready.is_success and ready.status_code != httpx.codes.NOT_FOUND:
            message = (
                f"it lives, but says that it is not ready: {_json(ready.content).get('detail', ready.status_code)}"
            )
            found.append(Finding(Severity.WARNING, "cloud", message, "look into the cloud's log"))
    ours = metadata.version("tezgah")
    with suppress(httpx.HTTPError):
        described = _json((await client.get(f"{url}/openapi.json")).content).get("info", {})
        theirs = str(described.get("version", "")) if isinstance(described, dict) else ""
        facts.append(("version", f"{theirs or 'not told'}; this gateway's is {ours}"))
        if theirs and theirs.split(".")[:2] != ours.split(".")[:2]:
            message = f"cloud {theirs} and gateway {ours} are of different versions"
            found.append(Finding(Severity.NOTE, "version", message, "upgrade the older one when it suits you"))
    return found


def _unreachable(error: Exception, host: str, *, proxy: str | None, has_ca: bool) -> Finding:
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Finding(
                Severity.ERROR,
                "TLS",
                f"its certificate is not trusted: {cause.verify_message}",
                _certificate(cause, has_ca=has_ca),
            )
        if isinstance(cause, ssl.SSLError):
            message = f"no TLS there ({cause.reason or cause})"
            return Finding(Severity.ERROR, "cloud.url", message, "check the port; an http server is written http://..")
    if isinstance(error, httpx.TimeoutException):
        fix = "check the route and the firewall to it" + (f", and the proxy {proxy}" if proxy else "")
        return Finding(Severity.ERROR, "cloud.url", f"{host} did not answer within {_TIMEOUT_S:g} s", fix)
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        fix = "check its spelling, and this machine's DNS (/etc/resolv.conf)"
        return Finding(Severity.ERROR, "cloud.url", f"the name {host} is not known here", fix)
    # the deepest cause has the system's own number
    words = next(
        (os.strerror(cause.errno) for cause in reversed(chain) if isinstance(cause, OSError) and cause.errno), ""
    )
    fix = "check address and port, and that the cloud runs" + (f"; the proxy {proxy} is in between" if proxy else "")
    return Finding(
        Severity.ERROR, "cloud.url", f"{host} cannot be reached: {words or error or type(error).__name__}", fix
    )


def _certificate(error: ssl.SSLCertVerificationError, *, has_ca: bool) -> str:
    match error.verify_code:
        # X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
        case 62 | 64:
            return "write the name that the certificate is for in cloud.url"
        # X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
        case 9 | 10:
            return "let whoever runs the cloud renew it; and see that this machine's clock is right"
        case _:
            if has_ca:
                return "the authority in `tls.ca` did not sign it; write the file of the one that did"
            return "if a company's own authority signed it, name the file with its certificate (PEM) in `tls.ca`"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it; of several attempts, each."""
    if error is None:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _chain(inner)
    yield from _chain(error.__cause__ or error.__context__)


def _json(content: bytes) -> dict[str, Any]:
    with suppress(msgspec.MsgspecError):
        document = msgspec.json.decode(content[:_MAX_DOCUMENT])
        if isinstance(document, dict):
            return document
    return {}
