"""The receipt: read from the envelope of the API, or refused in words."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import WireError
from shared.wire.receipt import Outcome, Receipt, from_json

TOLD = {"epoch": "0f", "seq": 3, "outcome": "stored", "rows": 5, "repeated": 1}


def test_a_receipt_is_read_from_the_answers_envelope():
    body = json.dumps({"data": TOLD, "meta": {"request_id": "x"}}).encode()
    assert from_json(body) == Receipt("0f", 3, Outcome.STORED, 5, 1)


@pytest.mark.parametrize("missing", ["epoch", "seq", "outcome", "rows"])
def test_an_answer_without_a_part_of_the_receipt_is_refused(missing: str):
    told = {key: value for key, value in TOLD.items() if key != missing}
    with pytest.raises(WireError, match=missing):
        from_json(json.dumps({"data": told}).encode())


@given(st.binary(max_size=60))
@example(b'{"data": 1, "x": ' + b"[" * 5000 + b"]" * 5000 + b"}")
@example(b'{"data": null}')
@example(b'{"data": {"epoch": "\xff"}}')
@example(b"<html>captive portal</html>")
def test_nothing_that_is_no_receipt_does_more_than_be_refused(body: bytes):
    with pytest.raises(WireError, match="not a receipt"):
        from_json(body)
