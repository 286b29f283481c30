"""The secrets of a gateway, kept as hashes only: its token `tzg_<gateway id>_<secret>`, its enrolment code."""

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass, field

# the prefix lets a scanner of leaked secrets recognise one
_FORM = re.compile(r"tzg_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
SECRET_BYTES = 32
# Crockford's base 32: no letter that looks like a digit
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TYPED = str.maketrans("OIL", "011", " -")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says: which gateway, and the secret that proves it."""

    gateway_id: uuid.UUID
    secret: str = field(repr=False)

    @property
    def token(self) -> str:
        """The token in writing."""
        return f"tzg_{self.gateway_id.hex}_{self.secret}"

    @property
    def hash(self) -> bytes:
        """What is stored of the secret."""
        return hashlib.sha256(self.secret.encode()).digest()

    def is_proven_by(self, stored: bytes | None) -> bool:
        """Whether the secret is the one that was stored; takes the same time for every secret."""
        return stored is not None and hmac.compare_digest(self.hash, stored)


def fresh(gateway_id: uuid.UUID) -> Claim:
    """Return a new token of a gateway."""
    return Claim(gateway_id, secrets.token_urlsafe(SECRET_BYTES))


def fresh_code() -> str:
    """Return a new enrolment code, `7KQ2-M0XD-..`: 100 random bits that a person can read out and type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(5))


def code_hash(code: str) -> bytes:
    """Return what is stored of an enrolment code, however it was typed: case, dashes, letters for digits."""
    typed = code.upper().translate(_TYPED)
    return hashlib.sha256(typed.encode()).digest()


def read(token: str) -> Claim | None:
    """Return what a token says, or None if it is not a gateway's."""
    match = _FORM.fullmatch(token)
    return None if match is None else Claim(uuid.UUID(match[1]), match[2])
