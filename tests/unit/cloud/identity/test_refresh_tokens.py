"""Refresh tokens."""

from cloud.identity.refresh_tokens import RefreshTokens

TOKENS = RefreshTokens("k" * 32)


def test_the_first_of_each_sign_in_is_another():
    assert TOKENS.first() != TOKENS.first()
    assert len(TOKENS.first()) > 40


def test_a_token_leads_to_one_next_token_that_only_the_service_can_make():
    first = TOKENS.first()
    assert TOKENS.after(first) == TOKENS.after(first) != first
    assert TOKENS.after(first) != RefreshTokens("x" * 32).after(first)


def test_what_is_kept_is_neither_the_token_nor_the_next_one_and_another_key_knows_it_not():
    first = TOKENS.first()
    kept = TOKENS.hash(first)
    assert kept.hex() not in first + TOKENS.after(first)
    assert kept != RefreshTokens("x" * 32).hash(first)
