"""Owns what a server shows of itself before anybody trusts it: its endpoints, and the certificate to compare."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asyncua import ua
from asyncua.client.client import Client
from cryptography import x509

from edge.clock import Clock
from edge.drivers.opcua.access import Access, chosen, described
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.security import fingerprint as plain
from edge.drivers.opcua.session import Session
from edge.drivers.opcua.trust import Trust, fingerprint, first_of, subject
from edge.errors import DriverRefused


@dataclass(slots=True)
class Shown:
    """A server's certificate, and whether the gateway takes it for genuine.

    Attributes:
        connection, url: Whose.
        der: The certificate.
        offers: Policies and modes of its endpoints.
        trust: Where it is accepted.
        is_trusted: It is pinned or accepted.
        own: Fingerprint of the gateway's own certificate, which the server must trust.
        own_file: Where that lies, None if it was given.
    """

    connection: str
    url: str
    der: bytes
    offers: Sequence[str]
    trust: Trust
    is_trusted: bool
    own: str
    own_file: Path | None

    @property
    def fingerprint(self) -> str:
        """The server's."""
        return fingerprint(self.der)

    def matches(self, text: str) -> bool:
        """Tell whether a fingerprint that somebody typed is this one's."""
        try:
            return plain(text if ":" in text[:8] else f"sha256:{text}") == self.fingerprint
        except ValueError:
            return False

    def accept(self) -> None:
        """Trust it from now on.

        Raises:
            DriverRefused: It cannot be written.
        """
        self.trust.accept(self.der)
        self.is_trusted = True

    def expires(self) -> dt.datetime:
        """Return until when it is valid."""
        return x509.load_der_x509_certificate(self.der).not_valid_after_utc

    def document(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "connection": self.connection,
            "url": self.url,
            "fingerprint": self.fingerprint,
            "subject": subject(self.der),
            "expires": self.expires().isoformat().replace("+00:00", "Z"),
            "offers": list(self.offers),
            "trusted": self.is_trusted,
            "own_fingerprint": self.own,
        }

    def words(self) -> str:
        """Return it for people."""
        state = "trusted" if self.is_trusted else "NOT trusted"
        lines = [
            f"{self.connection}: {self.url}",
            f"  certificate   {self.fingerprint}",
            f"                {subject(self.der)}",
            f"  offers        {', '.join(self.offers)}",
            f"  this gateway  {state}",
            f"  its own       {self.own}" + (f" ({self.own_file})" if self.own_file else ""),
        ]
        if not self.is_trusted:
            lines.append(f"  to trust it   tezgah-edge trust CONFIG {self.connection} --accept {self.fingerprint}")
        return "\n".join(lines)


async def shown(name: str, options: OpcUaConnection, state: Path | None, clock: Clock) -> Shown:
    """Ask a server for its endpoints; the gateway's own certificate is made if there is none yet.

    Raises:
        DriverError: It does not answer, or offers no endpoint of the configured security.
    """
    access = Access(name, options, state, clock)
    offered = await endpoints(name, options, access)
    security = options.security
    endpoint = chosen(offered, security) if security is not None else None
    if endpoint is None or security is None:
        raise DriverRefused(
            f"{name}: {options.opcua} does not offer the configured security; it offers {', '.join(described(offered))}"
        )
    der = first_of(bytes(endpoint.ServerCertificate or b""))
    own_file = state / "opcua" / "own" / "gateway.der" if state and security.certificate is None else None
    is_trusted = access.trust.has(der)
    own = fingerprint(access.identity().der)
    return Shown(name, options.opcua, der, described(offered), access.trust, is_trusted, own, own_file)


async def endpoints(name: str, options: OpcUaConnection, access: Access) -> list[ua.EndpointDescription]:
    """Ask a server for its endpoints, without a session.

    Raises:
        DriverError: It does not answer.
    """
    session = Session(name, options.opcua, options.timeout, access, options.survive_outage)
    with session.telling("asking for its endpoints"):
        return await Client(options.opcua, timeout=options.timeout).connect_and_get_server_endpoints()
