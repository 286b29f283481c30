"""How a JSON body is read."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.json_body import read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_json_is_read_as_ever(value):
    assert read(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a": 1, "a": 1}', "given twice"),
        (b'{"x": [{"a": 1, "\\u0061": 2}]}', "given twice"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
        (b"9" * 5000, "too many digits"),
        (b"{", "Expecting"),
        (b"", "Expecting"),
    ],
)
def test_what_is_not_says_why(body, why):
    with pytest.raises(json.JSONDecodeError, match=why):
        read(body)


def test_many_names_cost_no_more_than_reading_them():
    body = json.dumps({str(number): number for number in range(50_000)}).encode()
    # of the processor, however many others want it; comparing each with each would take a minute
    started = time.process_time()
    read(body)
    with pytest.raises(json.JSONDecodeError):
        read(body[:-1] + b', "1": 1}')
    assert time.process_time() - started < 10
