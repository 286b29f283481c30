"""Owns access tokens: short-lived, signed, and saying who only, never what they may do.

Role and activity are read from the database at each request, so a demotion acts at once.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import jwt

from cloud.errors import Unauthenticated
from cloud.identity import messages

ALGORITHM = "HS256"
ISSUER = "tezgah"
AUDIENCE = "tezgah-api"
KIND = "access"
REQUIRED = ("exp", "iat", "sub", "jti", "aud", "iss", "typ")
# clocks of two workers' machines may differ by this much
LEEWAY_S = 5


class Tokens:
    """Signs and reads access tokens with one key."""

    def __init__(self, secret_key: str, lifetime: timedelta) -> None:
        self._secret_key = secret_key
        self.lifetime = lifetime

    def issue(self, user_id: int, now: datetime) -> str:
        """Return a token that says who somebody is from now until the lifetime has passed."""
        claims = {
            "sub": str(user_id),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": uuid.uuid4().hex,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": KIND,
        }
        return jwt.encode(claims, self._secret_key, algorithm=ALGORITHM)

    def user_id(self, token: str) -> int:
        """Return whose token it is.

        Raises:
            Unauthenticated: It is not ours, incomplete, of another kind, or has expired.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret_key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_S,
                options={"require": list(REQUIRED)},
            )
            return _subject(claims)
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated(messages.TOKEN_EXPIRED) from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthenticated(messages.TOKEN_INVALID) from error


def _subject(claims: dict[str, Any]) -> int:
    if claims["typ"] != KIND:
        raise jwt.InvalidTokenError(f"a token of kind {claims['typ']}")
    return int(claims["sub"])
