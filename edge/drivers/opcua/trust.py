"""Owns which servers' certificates the gateway takes for genuine: those pinned in the configuration, those accepted.

Accepted certificates lie in the state directory, `opcua/trusted/`, one file each; whoever may write there decides.
There are no certificate authorities in it: one that a plant does not run itself would vouch for any machine, and a PLC
has one certificate for years. What is not there is refused; nothing is ever accepted by itself.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.drivers.opcua.identity import certificate_of
from edge.errors import DriverRefused
from shared import logs

_SUFFIXES = {".der", ".crt", ".cer", ".pem"}

_log = logs.get(__name__)


def fingerprint(der: bytes) -> str:
    """Return a certificate's fingerprint, as the configuration writes it."""
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def first_of(chain: bytes) -> bytes:
    """Return the first certificate of a chain as a server sends it: the application's, its issuers behind it."""
    # DER: a SEQUENCE whose length stands in one byte, or in as many as the low bits of that byte say
    if len(chain) < 2 or chain[1] < 0x80:
        return chain[: 2 + chain[1]] if len(chain) >= 2 else chain
    octets = chain[1] & 0x7F
    return chain[: 2 + octets + int.from_bytes(chain[2 : 2 + octets], "big")]


@dataclass(frozen=True, slots=True)
class Trust:
    """What one connection trusts.

    Attributes:
        pins: Fingerprints from the configuration.
        directory: Where accepted certificates lie; None for none.
    """

    pins: Collection[str]
    directory: Path | None

    def check(self, connection: str, url: str, der: bytes) -> None:
        """Return if the server that shows this certificate is trusted.

        Raises:
            DriverRefused: It is not; the message says what to do.
        """
        if self.has(der):
            return
        shown = fingerprint(der)
        known = "another certificate is trusted so far" if self.pins else "it is not trusted so far"
        raise DriverRefused(
            f"{connection}: {url} shows the certificate {shown} ({subject(der)}), and {known}; compare it with what "
            f"the server's own page or tool shows, then run `tezgah-edge trust CONFIG {connection} --accept {shown}`"
        )

    def has(self, der: bytes) -> bool:
        """Tell whether a certificate is trusted."""
        shown = fingerprint(der)
        return shown in self.pins or shown in self._accepted()

    def accept(self, der: bytes) -> Path:
        """Trust a certificate from now on.

        Returns:
            The file that says so.

        Raises:
            DriverRefused: It cannot be written.
        """
        if self.directory is None:
            raise DriverRefused("there is no state directory to keep the certificate in; name one with --state-dir")
        file = self.directory / f"{fingerprint(der).removeprefix('sha256:')}.der"
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = file.with_suffix(".new")
            fresh.write_bytes(der)
            fresh.replace(file)
        except OSError as error:
            raise DriverRefused(
                f"{file} cannot be written ({error.strerror}); run this as the gateway's user"
            ) from error
        return file

    def _accepted(self) -> Iterator[str]:
        """Yield the fingerprints of accepted certificates; read anew each time, so that `trust` needs no restart."""
        try:
            files = sorted(self.directory.iterdir()) if self.directory is not None else []
        except OSError:
            return
        for file in files:
            if file.suffix.lower() not in _SUFFIXES:
                continue
            try:
                yield fingerprint(certificate_of(file.read_bytes(), str(file)).public_bytes(Encoding.DER))
            except (OSError, DriverRefused) as error:
                _log.warning("not a certificate, so it is not trusted", file=str(file), error=str(error))


def subject(der: bytes) -> str:
    """Return whose certificate it is and until when, for people."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError as error:
        return f"unreadable: {error}"
    return f"{certificate.subject.rfc4514_string()}, until {certificate.not_valid_after_utc:%Y-%m-%d}"
