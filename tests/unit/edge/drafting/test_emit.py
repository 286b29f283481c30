"""What is written is what a reader of YAML reads."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edge.drafting import emit

TEXTS = st.text(max_size=30) | st.sampled_from(
    ["on", "no", "1", "1.5", "~", "null", "a: b", "a #b", "- x", "ns=2;s=A.B"]
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_line_means_what_was_written(value: object) -> None:
    assert yaml.safe_load(emit.flow(value)) == value


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_lines_mean_what_was_written(value: dict[str, object]) -> None:
    assert yaml.safe_load("\n".join(emit.block(value))) == value


@pytest.mark.parametrize(
    "text", ["press-1", "holding 40", "opc.tcp://10.2.0.70:4840", "10.2.0.15", "plant/+/data", "kW.h"]
)
def test_what_is_safe_stays_as_a_person_writes_it(text: str) -> None:
    assert emit.scalar(text) == text


def test_what_a_machine_says_is_never_a_reference() -> None:
    assert emit.literal({"a": ["${env:HOME}", 1]}) == {"a": ["$${env:HOME}", 1]}


def test_a_remark_stays_on_its_line() -> None:
    assert emit.remark("Double\nvalue: \x1b[1m 5") == "   # Double value: [1m 5"
    assert emit.remark(" ") == ""
