"""Single values from outside."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cloud.values import Code, Label, Moment, Notes

LABEL, CODE, NOTES, MOMENT = (TypeAdapter(kind) for kind in (Label, Code, Notes, Moment))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=200))
def test_a_label_takes_any_letters_of_any_language(text):
    assert LABEL.validate_python(text) == text


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "a\nb", "a\x7fb", "a\ud800b", "x" * 201])
def test_a_label_takes_nothing_that_cannot_be_shown_on_one_line(text):
    with pytest.raises(ValidationError):
        LABEL.validate_python(text)


def test_notes_may_have_lines():
    assert NOTES.validate_python("first\nsecond\tthird") == "first\nsecond\tthird"
    with pytest.raises(ValidationError):
        NOTES.validate_python("a\x00b")


def test_a_moment_is_kept_in_utc():
    assert MOMENT.validate_json('"2026-03-02T22:00:00+03:00"') == datetime(2026, 3, 2, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-03-02T22:00:00", "1999-12-31T00:00:00Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"]
)
def test_a_moment_has_an_offset_and_lies_between_2000_and_2100(text):
    with pytest.raises(ValidationError):
        MOMENT.validate_json(f'"{text}"')
