"""Owns the gateway's own application certificate and its key: made on the first run, renewed in time, kept private.

Servers know the gateway by this certificate: an administrator trusts it once, and again after a renewal. So it lives
long, its key stays, and what an engineer has put in its place is taken as it is. Form: OPC 10000-6, 6.2.2.
"""

import datetime as dt
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.errors import DriverRefused
from shared import logs

# A plant's machines outlive their commissioning engineers; every renewal needs somebody at each server.
LIFETIME = dt.timedelta(days=3650)
RENEWED_BEFORE = dt.timedelta(days=60)
_KEY_BITS = 2048

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key; `uri` is the application's, as the certificate says it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    uri: str

    @property
    def der(self) -> bytes:
        """The certificate's bytes."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


def own(directory: Path | None, now: dt.datetime) -> Identity:
    """Return the gateway's identity, making or renewing it if need be.

    Args:
        directory: Where `gateway.der` and `gateway.key` are kept; None makes one that nobody will know again.
        now: What the certificate's times are held against.

    Raises:
        DriverRefused: What is there cannot be read or used, or nothing can be written there.
    """
    if directory is None:
        return _made(rsa.generate_private_key(65537, _KEY_BITS), None, now)
    certificate_file, key_file = directory / "gateway.der", directory / "gateway.key"
    try:
        key = _kept_key(directory, key_file)
        if certificate_file.exists():
            identity = given(certificate_file.read_bytes(), key, str(certificate_file))
            if now < identity.certificate.not_valid_after_utc - RENEWED_BEFORE:
                return identity
            _log.warning(
                "the gateway's certificate is renewed; servers must be told to trust the new one",
                file=str(certificate_file),
                expires=identity.certificate.not_valid_after_utc.isoformat(),
            )
            identity = _made(key, identity.uri, now)
        else:
            identity = _made(key, None, now)
        _write(certificate_file, identity.der, 0o644)
    except OSError as error:
        raise DriverRefused(
            f"the gateway's certificate in {directory} cannot be read or written ({error.strerror}); "
            "give this user the right to, or name another --state-dir"
        ) from error
    _log.info("made the gateway's certificate", file=str(certificate_file), uri=identity.uri)
    return identity


def given(certificate: bytes, key: rsa.RSAPrivateKey | bytes, named: str) -> Identity:
    """Return the identity that a certificate (PEM or DER) and its key are.

    Args:
        certificate: The certificate.
        key: Its private key, PEM if bytes, without a passphrase.
        named: What to call them in messages.

    Raises:
        DriverRefused: They are none, do not belong together, or say no application URI.
    """
    loaded = certificate_of(certificate, named)
    private = private_key(key, named) if isinstance(key, bytes) else key
    if loaded.public_key() != private.public_key():
        raise DriverRefused(f"{named}: the certificate is not of this private key; give the two that belong together")
    uris = _alternatives(loaded, x509.UniformResourceIdentifier)
    if not uris:
        raise DriverRefused(
            f"{named}: the certificate names no application URI (a subjectAltName of type URI), which OPC UA servers "
            "demand; leave `certificate` and `key` out and the gateway makes a fitting one"
        )
    return Identity(loaded, private, uris[0])


def certificate_of(data: bytes, named: str) -> x509.Certificate:
    """Read a certificate, PEM or DER; of a chain the first.

    Raises:
        DriverRefused: It is none.
    """
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise DriverRefused(f"{named}: no certificate in PEM or DER ({error})") from error


def private_key(data: bytes, named: str) -> rsa.RSAPrivateKey:
    """Read a private key, PEM without a passphrase.

    Raises:
        DriverRefused: It is none, or none of RSA.
    """
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DriverRefused(f"{named}: no private key in PEM without a passphrase ({error})") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise DriverRefused(f"{named}: the private key is not RSA, which these security policies need")
    return key


def _alternatives(certificate: x509.Certificate, kind: type[x509.UniformResourceIdentifier]) -> Sequence[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(kind)


def _kept_key(directory: Path, file: Path) -> rsa.RSAPrivateKey:
    if file.exists():
        return private_key(file.read_bytes(), str(file))
    key = rsa.generate_private_key(65537, _KEY_BITS)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    _write(file, key.private_bytes(*form), 0o600)
    return key


def _write(file: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all; nobody sees a key before it has its mode."""
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.replace(file)


def _made(key: rsa.RSAPrivateKey, uri: str | None, now: dt.datetime) -> Identity:
    host = socket.gethostname() or "localhost"
    uri = uri or f"urn:{host}:tezgah:edge"
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Tezgah edge gateway on {host}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tezgah"),
        ]
    )
    usage = dict.fromkeys(("key_agreement", "crl_sign", "encipher_only", "decipher_only"), False)
    usage |= dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment"), True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), x509.DNSName(host)]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        # a self-signed certificate signs a certificate: itself
        (x509.KeyUsage(data_encipherment=True, key_cert_sign=True, **usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # clocks of machines are rarely right
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return Identity(builder.sign(key, hashes.SHA256()), key, uri)
