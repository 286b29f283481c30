"""The error tree."""

import pytest

from cloud import errors


@pytest.mark.parametrize(("asked_s", "header"), [(0.1, "1"), (1.0, "1"), (1.2, "2"), (30, "30")])
def test_how_long_to_wait_is_said_in_whole_seconds_and_never_too_little(asked_s, header):
    assert errors.Unavailable("x", retry_after_s=asked_s).headers == {"Retry-After": header}


def test_members_beside_the_message_go_into_the_answer():
    assert errors.Conflict("x", current_status="done", allowed=[]).members == {"current_status": "done", "allowed": []}


def test_a_refusal_of_the_unknown_says_how_to_become_known():
    assert errors.Unauthenticated("x").headers["WWW-Authenticate"] == "Bearer"
