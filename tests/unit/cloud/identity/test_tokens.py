"""Access tokens."""

import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from cloud.errors import Unauthenticated
from cloud.identity.tokens import ALGORITHM, AUDIENCE, ISSUER, LEEWAY_S, REQUIRED, Tokens

KEY = "k" * 32
TOKENS = Tokens(KEY, timedelta(minutes=15))
NOW = datetime.now(UTC)


def claims(**changes) -> dict:
    whole = {
        "sub": "7",
        "iat": NOW,
        "exp": NOW + timedelta(minutes=15),
        "jti": "1",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "typ": "access",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(key: str = KEY, algorithm: str = ALGORITHM, **changes) -> str:
    return jwt.encode(claims(**changes), key, algorithm)


def test_a_token_says_whose_it_is():
    sign_in_id = uuid.uuid4()
    said = TOKENS.read(TOKENS.issue(7, NOW, sign_in_id))
    assert (said.user_id, said.sign_in_id) == (7, sign_in_id)
    assert said.expires_at == NOW.replace(microsecond=0) + TOKENS.lifetime
    assert TOKENS.read(TOKENS.issue(7, NOW)).sign_in_id is None
    assert TOKENS.read(signed()).user_id == 7


def test_a_token_carries_no_role():
    assert set(jwt.decode(TOKENS.issue(7, NOW), options={"verify_signature": False})) == set(REQUIRED)


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_token_without_a_required_claim_is_refused(missing):
    with pytest.raises(Unauthenticated):
        TOKENS.read(signed(**{missing: None}))


@pytest.mark.parametrize(
    "changes",
    [{"typ": "refresh"}, {"aud": "other"}, {"iss": "other"}, {"sub": "admin"}, {"iat": NOW + timedelta(hours=1)}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_token_that_says_something_else_is_refused(changes):
    with pytest.raises(Unauthenticated):
        TOKENS.read(signed(**changes))


def test_a_token_ends():
    with pytest.raises(Unauthenticated) as caught:
        TOKENS.read(signed(exp=NOW - timedelta(minutes=1)))
    assert caught.value.code == "TOKEN_EXPIRED"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", signed(key="j" * 32), signed(key="", algorithm="none")])
def test_a_token_not_signed_by_us_is_refused(token):
    with pytest.raises(Unauthenticated):
        TOKENS.read(token)


def test_a_token_that_was_read_before_still_expires():
    tokens = Tokens(KEY, timedelta(minutes=15))
    token = tokens.issue(7, NOW)
    assert tokens.read(token, NOW) == tokens.read(token, NOW + timedelta(minutes=15))
    with pytest.raises(Unauthenticated):
        tokens.read(token, NOW + timedelta(minutes=15, seconds=LEEWAY_S))
