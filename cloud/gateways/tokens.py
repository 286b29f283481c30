"""The token of a gateway: `tzg_<gateway id>_<secret>`, of which only a hash is kept."""

import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass, field

# the prefix lets a scanner of leaked secrets recognise one
_FORM = re.compile(r"tzg_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
SECRET_BYTES = 32


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

    def is_proven_by(self, stored: bytes) -> bool:
        """Whether the secret is the one that was stored; takes the same time for every secret."""
        return hmac.compare_digest(self.hash, stored)


def read(token: str) -> Claim | None:
    """Return what a token says, or None if it is not a gateway's."""
    match = _FORM.fullmatch(token)
    return None if match is None else Claim(uuid.UUID(match[1]), match[2])
