"""Owns what is told of a connection's TLS: what was agreed on, whose certificate the broker has, and until when."""

import hashlib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.drivers.inspection import Finding, Severity

# a certificate that ends sooner should have been renewed: three weeks are enough to get one signed in a plant
_RENEW = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class Encryption:
    """What is known of a connection over TLS.

    Attributes:
        version, cipher: What was agreed on.
        subject, issuer: Whose certificate the broker showed, and who signed it; their common names, or all there is.
        names: The hosts and addresses that it is for.
        until: When it ends.
        fingerprint: Its SHA-256, as tools write it.
    """

    version: str
    cipher: str
    subject: str
    issuer: str
    names: str
    until: datetime
    fingerprint: str

    def facts(self) -> list[tuple[str, str]]:
        """Return what `doctor` lists."""
        return [
            ("TLS", f"{self.version}, {self.cipher}"),
            ("certificate of", self.subject + (f", for {self.names}" if self.names else "")),
            ("signed by", self.issuer),
            ("valid until", f"{self.until:%Y-%m-%d %H:%M} UTC"),
            ("SHA-256", self.fingerprint),
        ]

    def findings(self, now: datetime) -> Iterator[Finding]:
        """Warn of a certificate that ends soon; one that has ended lets nobody in."""
        left = self.until - now
        if left < _RENEW:
            message = f"the broker's certificate ends in {max(0, left.days)} days, on {self.until:%Y-%m-%d}"
            fix = "renew it at the broker; the gateway needs nothing as long as `tls: {ca: ..}` has signed the new one"
            yield Finding(Severity.WARNING, "", message, fix)


def encryption(connection: ssl.SSLSocket) -> Encryption:
    """Return what is known of a connection whose certificate was checked."""
    certificate: dict[str, Any] = connection.getpeercert() or {}
    whole = connection.getpeercert(binary_form=True) or b""
    digest = hashlib.sha256(whole).hexdigest().upper()
    agreed = connection.cipher()
    return Encryption(
        connection.version() or "unknown",
        agreed[0] if agreed else "unknown",
        _name(certificate, "subject"),
        _name(certificate, "issuer"),
        ", ".join(value for _, value in certificate.get("subjectAltName", ())),
        datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC),
        ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
    )


def _name(certificate: Mapping[str, Any], whose: str) -> str:
    parts = [(key, value) for part in certificate.get(whose, ()) for key, value in part]
    common = [value for key, value in parts if key == "commonName"]
    return ", ".join(common or [value for _, value in parts]) or "nobody named"
