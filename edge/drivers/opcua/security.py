"""Owns what a connection may say about security and its user; pydantic only."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from edge.drivers.spec import Options

_FINGERPRINT = re.compile(r"sha256:([0-9a-f]{64})")


def fingerprint(text: str) -> str:
    """Check the fingerprint of a certificate, and write it as all others; colons and capitals are as tools print them.

    Raises:
        ValueError: Not `sha256:` and 64 hexadecimal digits.
    """
    kind, _, digits = text.strip().lower().replace(" ", "").partition(":")
    plain = f"{kind}:{digits.replace(':', '')}"
    if not _FINGERPRINT.fullmatch(plain):
        raise ValueError(
            f"{text!r} is no fingerprint; write sha256: and 64 hexadecimal digits, as `tezgah-edge trust` shows them"
        )
    return plain


def _fingerprints(value: object) -> object:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, Sequence) or not all(isinstance(text, str) for text in values):
        raise ValueError("expected a fingerprint such as sha256:9f.., or a list of them")
    return tuple(fingerprint(text) for text in values)


class Policy(StrEnum):
    """The security policies of OPC 10000-7 that are not deprecated, and none."""

    NONE = "None"
    BASIC256SHA256 = "Basic256Sha256"
    AES128_SHA256_RSAOAEP = "Aes128_Sha256_RsaOaep"
    AES256_SHA256_RSAPSS = "Aes256_Sha256_RsaPss"

    @property
    def uri(self) -> str:
        """How the protocol names it."""
        return f"http://opcfoundation.org/UA/SecurityPolicy#{self.value}"


class Mode(StrEnum):
    """What is done to each message."""

    SIGN = "Sign"
    SIGN_AND_ENCRYPT = "SignAndEncrypt"


class Security(Options):
    """How messages are protected, and whom the gateway takes for the server.

    Attributes:
        policy: One of `Policy`; the server must offer it.
        mode: Sign lets everybody on the network read along.
        trust: Fingerprints of the server's certificate; what `tezgah-edge trust` accepted is trusted beside them.
        certificate: The gateway's own application certificate, PEM; by default it makes one by itself.
        key: Its private key, PEM.
    """

    policy: Policy
    mode: Mode = Mode.SIGN_AND_ENCRYPT
    trust: Annotated[tuple[str, ...], BeforeValidator(_fingerprints)] = ()
    certificate: str | None = None
    key: SecretStr | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` of the gateway belong together; give both, or none")
        if self.policy is Policy.NONE and (self.trust or self.certificate is not None):
            raise ValueError(
                "policy None proves nobody's identity, so there is nothing to trust and no certificate to show; "
                f"choose a policy, such as {Policy.BASIC256SHA256}"
            )
        return self


class User(Options):
    """Who the gateway is to the server: a name with its password, or a certificate with its key.

    Attributes:
        name, password: As the server's administrator gave them.
        certificate, key: PEM; not those of the gateway's application.
    """

    name: Annotated[str, Field(min_length=1)] | None = None
    password: SecretStr | None = None
    certificate: str | None = None
    key: SecretStr | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        has = {key for key in ("name", "password", "certificate", "key") if getattr(self, key) is not None}
        if has not in ({"name", "password"}, {"certificate", "key"}):
            raise ValueError("expected `name` with `password`, or `certificate` with `key`")
        return self
