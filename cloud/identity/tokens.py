"""Owns access tokens: short-lived, signed, and saying who only, never what they may do.

Role and activity are read from the database at each request, so a demotion acts at once.
"""

import functools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from cloud.errors import Unauthenticated
from cloud.identity import messages
from cloud.identity.schemas import Bearer

ALGORITHM = "HS256"
ISSUER = "tezgah"
AUDIENCE = "tezgah-api"
KIND = "access"
REQUIRED = ("exp", "iat", "sub", "jti", "aud", "iss", "typ")
# clocks of two workers' machines may differ by this much
LEEWAY_S = 5
_LEEWAY = timedelta(seconds=LEEWAY_S)
# of half a kilobyte each; more phones than one process serves
_REMEMBERED = 4096


class Tokens:
    """Signs and reads access tokens with one key."""

    def __init__(self, secret_key: str, lifetime: timedelta) -> None:
        self._secret_key = secret_key
        self.lifetime = lifetime
        # a phone sends the same token for minutes; its signature needs to be checked once
        self._known = functools.lru_cache(_REMEMBERED)(self._verified)

    def issue(self, user_id: int, now: datetime, sign_in_id: uuid.UUID | None = None) -> str:
        """Return a token that says who somebody is, from now until the lifetime has passed or the sign-in ends."""
        claims = {
            "sub": str(user_id),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": uuid.uuid4().hex,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": KIND,
        }
        if sign_in_id is not None:
            claims["sid"] = sign_in_id.hex
        return jwt.encode(claims, self._secret_key, algorithm=ALGORITHM)

    def read(self, token: str, now: datetime | None = None) -> Bearer:
        """Return what a token says, now if no other time is given.

        Raises:
            Unauthenticated: It is not ours, incomplete, of another kind, or has expired.
        """
        try:
            said = self._known(token)
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated(messages.TOKEN_EXPIRED) from error
        except (jwt.InvalidTokenError, ValueError, AttributeError) as error:
            raise Unauthenticated(messages.TOKEN_INVALID) from error
        if said.expires_at <= (now or datetime.now(UTC)) - _LEEWAY:
            raise Unauthenticated(messages.TOKEN_EXPIRED)
        return said

    def _verified(self, token: str) -> Bearer:
        claims = jwt.decode(
            token,
            self._secret_key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": list(REQUIRED)},
        )
        return _bearer(claims)


def _bearer(claims: dict[str, Any]) -> Bearer:
    if claims["typ"] != KIND:
        raise jwt.InvalidTokenError(f"a token of kind {claims['typ']}")
    sign_in_id = uuid.UUID(claims["sid"]) if "sid" in claims else None
    return Bearer(int(claims["sub"]), sign_in_id, datetime.fromtimestamp(claims["exp"], UTC))
