"""When a login has failed too often."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.identity import rules

NOW = datetime(2026, 3, 2, 19, tzinfo=UTC)


@given(st.integers(0, 9), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_nobody_waits_below_the_limit(failures, ago):
    assert rules.wait_s(failures, NOW - ago, 10, NOW) == 0


@given(st.integers(10, 1000), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_at_the_limit_the_rest_of_the_window_is_waited_and_no_more(failures, ago):
    wait_s = rules.wait_s(failures, NOW - ago, 10, NOW)
    assert wait_s == max(0.0, (rules.WINDOW - ago).total_seconds())


@pytest.mark.parametrize(("seconds", "is_repeat"), [(0, True), (10, True), (10.001, False), (600, False)])
def test_a_refresh_token_is_repeated_within_ten_seconds_and_reused_later(seconds, is_repeat):
    used_at = datetime(2026, 3, 2, tzinfo=UTC)
    assert rules.is_repeat(used_at, used_at + timedelta(seconds=seconds)) is is_repeat
