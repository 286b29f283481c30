"""Owns what is worth telling an engineer of an OPC UA server, each with its fix."""

import datetime as dt
import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from cryptography import x509

from edge.drivers.inspection import Finding, Severity
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.plan import Item, Subscription
from edge.drivers.opcua.queues import covered_s
from edge.drivers.spec import Point

_WORST_FIRST = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
# readings bear the source's time: beyond this a machine's history is hard to read beside another's
_SKEW_S = 5.0
_SOON = dt.timedelta(days=30)
_LIKE = 0.75
_NAMED = 3


def security(options: OpcUaConnection, offered: Sequence[str]) -> list[Finding]:
    """Hold the configured security against what the server offers (see `access.described`)."""
    if options.is_secured:
        return []
    better = [each for each in offered if each.endswith("SignAndEncrypt")]
    if not better:
        return []
    policy = better[-1].partition(" ")[0]
    fix = f"security: {{policy: {policy}, mode: SignAndEncrypt}}, then `tezgah-edge trust CONFIG CONNECTION`"
    return [Finding(Severity.WARNING, "", "the session is neither encrypted nor signed, though the server could", fix)]


def certificate(der: bytes, now_us: int) -> list[Finding]:
    """Judge the dates of a server's certificate; they do not stop the gateway, which trusts by fingerprint."""
    try:
        ends = x509.load_der_x509_certificate(der).not_valid_after_utc
    except ValueError as error:
        return [
            Finding(Severity.WARNING, "", f"the server's certificate is unreadable: {error}", "renew it on the server")
        ]
    left = ends - dt.datetime.fromtimestamp(now_us / 1e6, dt.UTC)
    if left > _SOON:
        return []
    state = "has ended" if left < dt.timedelta(0) else "ends"
    fix = "renew it on the server, then `tezgah-edge trust CONFIG CONNECTION`"
    return [Finding(Severity.WARNING, "", f"the server's certificate {state} on {ends:%Y-%m-%d}", fix)]


def clocks(server_us: int, now_us: int) -> list[Finding]:
    """Compare the server's clock with the gateway's."""
    skew_s = (server_us - now_us) / 1e6
    if abs(skew_s) <= _SKEW_S:
        return []
    way = "ahead of" if skew_s > 0 else "behind"
    message = f"the server's clock is {abs(skew_s):.0f} s {way} the gateway's; readings bear its time"
    return [Finding(Severity.WARNING, "", message, "let both follow one NTP server")]


def unknown_node(text: str, names: Sequence[str]) -> str:
    """Say what an address that the server does not know may have meant."""
    is_path = text.startswith("path=")
    # upper and lower case is what is mistaken most
    by_identifier = {_identifier(name).lower(): name for name in names if name.startswith("path=") == is_path}
    close = difflib.get_close_matches(_identifier(text).lower(), by_identifier, _NAMED, _LIKE)
    like = [by_identifier[identifier] for identifier in close]
    if not like:
        return f"look for it with `tezgah-edge browse CONFIG CONNECTION`; {text} is not like any name there"
    words = [
        f'path: "{name.removeprefix("path=")}"' if name.startswith("path=") else f'node: "{name}"' for name in like
    ]
    return f"did you mean {' or '.join(words[:_NAMED])}?"


def _identifier(text: str) -> str:
    """Return an address without its namespace, which is the part that is mostly wrong."""
    return text.partition(";")[2] or text


def revisions(
    points: Sequence[Point],
    given: Iterable[tuple[Item, int, float]],
    wanted: Subscription,
    revised: Subscription,
    survive_s: float,
) -> list[Finding]:
    """Hold what a server gives against what is asked: queue and sampling of items, life of the subscription."""
    found: list[Finding] = []
    short: dict[float, list[str]] = defaultdict(list)
    slow: dict[float, list[str]] = defaultdict(list)
    for item, queue, sampling_ms in given:
        point = points[item.point]
        covers_s = covered_s(max(item.sampling_ms, sampling_ms) / 1000, queue)
        if queue < item.queue and covers_s < survive_s:
            short[covers_s].append(f"{point.device}.{point.name}")
        if sampling_ms > item.sampling_ms + 1:
            slow[sampling_ms].append(f"{point.device}.{point.name}")
    for covers_s, names in short.items():
        message = f"the server's queue for {_some(names)} covers a cut of {covers_s:g} s, not {survive_s:g} s"
        fix = f"a longer `every`, or `backfill: history`, or survive_outage: {max(1, int(covers_s))}s if that is enough"
        found.append(Finding(Severity.WARNING, "", message, fix))
    for sampling_ms, names in slow.items():
        message = f"the server samples {_some(names)} every {sampling_ms:g} ms only"
        found.append(Finding(Severity.NOTE, "", message, f"every: {sampling_ms:g}ms says what you get"))
    lives_s = revised.interval_ms * revised.lifetime / 1000
    if lives_s < survive_s:
        message = f"the server keeps a subscription for {lives_s:g} s, not {survive_s:g} s"
        found.append(Finding(Severity.WARNING, "", message, "a shorter `survive_outage`, or `backfill: history`"))
    if revised.interval_ms > wanted.interval_ms + 1:
        message = f"the server publishes every {revised.interval_ms:g} ms, not {wanted.interval_ms:g} ms"
        found.append(Finding(Severity.NOTE, "", message, f"publishing_interval: {revised.interval_ms:g}ms"))
    return found


def sorted_by_weight(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the worst first."""
    return sorted(findings, key=lambda finding: _WORST_FIRST[finding.severity])


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
