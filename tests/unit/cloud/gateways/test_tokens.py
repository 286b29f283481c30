"""A gateway's token: read back as it was written, and nothing else is one."""

import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud.gateways.tokens import Claim, read

SECRET = "aA0_-" * 8 + "xyz"
CLAIM = Claim(uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"), SECRET)


@given(st.uuids(), st.text("abcXYZ019_-", min_size=43, max_size=43))
def test_a_token_says_what_it_was_made_of(gateway_id: uuid.UUID, secret: str):
    claim = Claim(gateway_id, secret)
    assert read(claim.token) == claim


def test_only_the_right_secret_proves_the_claim():
    other = Claim(CLAIM.gateway_id, SECRET[::-1])
    assert CLAIM.is_proven_by(CLAIM.hash)
    assert not other.is_proven_by(CLAIM.hash)


def test_the_stored_hash_does_not_hold_the_secret():
    assert SECRET.encode() not in CLAIM.hash
    assert len(CLAIM.hash) == 32


@given(st.text(max_size=80))
@example(CLAIM.token[:-1])
@example(CLAIM.token + "x")
@example(CLAIM.token + "\n")
@example(CLAIM.token.upper())
@example("tzg_" + "٣" * 32 + "_" + SECRET)
def test_anything_else_is_no_token(token: str):
    assert read(token) is None


@pytest.mark.parametrize("hidden", ["eyJhbGciOiJIUzI1NiJ9.e30.abc", ""])
def test_a_users_token_is_not_a_gateways(hidden: str):
    assert read(hidden) is None
