"""Owns refresh tokens: opaque, kept as hashes, each leading to exactly one next.

The first of a sign-in is random. Each further one is made from the one before with a key that only the service
has, so that a token whose answer was lost on the way gets the same answer again, and not a second successor.
"""

import hashlib
import hmac
import secrets

_PREFIX = "tzr_"  # so that a scanner of leaked files knows what it found
_SECRET_BYTES = 32


class RefreshTokens:
    """Makes and hashes refresh tokens with the service's key; with another key every older one is worthless."""

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key.encode()

    def first(self) -> str:
        """Return the first token of a sign-in."""
        return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)

    def after(self, token: str) -> str:
        """Return the one token that this token can be exchanged for."""
        return _PREFIX + self._mac("next", token).hex()

    def hash(self, token: str) -> bytes:
        """Return what is kept of a token."""
        return self._mac("kept", token)

    def _mac(self, purpose: str, token: str) -> bytes:
        return hmac.digest(self._secret_key, f"refresh {purpose}\0{token}".encode("utf-8", "replace"), hashlib.sha256)
