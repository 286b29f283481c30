"""The id of a request."""

import pytest

from cloud import request_id


@pytest.mark.parametrize("offered", ["abc", "A-1_2.3~+/=", "x" * 128])
def test_a_callers_id_is_kept(offered):
    assert request_id.begin(offered) == offered
    assert request_id.current() == offered


@pytest.mark.parametrize("offered", [None, "", "a b", "a\r\nX-Evil: 1", "x" * 129, "ğ"])
def test_an_id_that_could_break_a_header_or_a_log_line_is_replaced(offered):
    made = request_id.begin(offered)
    assert made != offered
    assert len(made) == 32
