"""Access tokens."""

import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from cloud.errors import Unauthenticated
from cloud.identity.tokens import ALGORITHM, AUDIENCE, ISSUER, LEEWAY_S, REQUIRED, Tokens

KEY = "k" * 32
TOKENS = Tokens(KEY, timedelta(minutes=15))


def now() -> datetime:
    return datetime.now(UTC)


def claims(**changes) -> dict:
    whole = {
        "sub": "7",
        "iat": now(),
        "exp": now() + timedelta(minutes=15),
        "jti": "1",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "typ": "access",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(key: str = KEY, algorithm: str = ALGORITHM, **changes) -> str:
    return jwt.encode(claims(**changes), key, algorithm)


def test_a_token_says_whose_it_is():
    sign_in_id, issued = uuid.uuid4(), now()
    said = TOKENS.read(TOKENS.issue(7, issued, sign_in_id))
    assert (said.user_id, said.sign_in_id) == (7, sign_in_id)
    assert said.expires_at == issued.replace(microsecond=0) + TOKENS.lifetime
    assert TOKENS.read(TOKENS.issue(7, now())).sign_in_id is None
    assert TOKENS.read(signed()).user_id == 7


def test_a_token_carries_no_role():
    assert set(jwt.decode(TOKENS.issue(7, now()), options={"verify_signature": False})) == set(REQUIRED)


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_token_without_a_required_claim_is_refused(missing):
    with pytest.raises(Unauthenticated):
        TOKENS.read(signed(**{missing: None}))


@pytest.mark.parametrize(
    "changes",
    [{"typ": "refresh"}, {"aud": "other"}, {"iss": "other"}, {"sub": "admin"}, {"iat": now() + timedelta(hours=24)}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_token_that_says_something_else_is_refused(changes):
    with pytest.raises(Unauthenticated):
        TOKENS.read(signed(**changes))


def test_a_token_ends():
    with pytest.raises(Unauthenticated) as caught:
        TOKENS.read(signed(exp=now() - timedelta(minutes=1)))
    assert caught.value.code == "TOKEN_EXPIRED"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", signed(key="j" * 32), signed(key="", algorithm="none")])
def test_a_token_not_signed_by_us_is_refused(token):
    with pytest.raises(Unauthenticated):
        TOKENS.read(token)


def test_a_token_that_was_read_before_still_expires():
    tokens = Tokens(KEY, timedelta(minutes=15))
    issued = now()
    token = tokens.issue(7, issued)
    assert tokens.read(token, issued) == tokens.read(token, issued + timedelta(minutes=15))
    with pytest.raises(Unauthenticated):
        tokens.read(token, issued + timedelta(minutes=15, seconds=LEEWAY_S))
