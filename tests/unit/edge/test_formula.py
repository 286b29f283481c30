import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.formula import FormulaError, parse


def value(text: str, **tags: float) -> float:
    return float(parse(text).evaluate({name: np.array([number]) for name, number in tags.items()})[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("volts * amps / 1000", 4.6),
        ("(volts - 10) * -2 + amps % 3", -438.0),
        ("max(volts, amps) - min(volts, 7) + abs(-amps)", 243.0),
        ("sqrt(volts + 26) ** 2", 256.0),
        ("round(volts / 7) + floor(amps / 3) + ceil(1.1)", 41.0),
        ("  volts  ", 230.0),
        ("+volts + 1e3", 1230.0),
    ],
)
def test_arithmetic_and_a_few_functions_are_understood(text: str, expected: float) -> None:
    tags = {name: number for name, number in (("volts", 230.0), ("amps", 20.0)) if name in parse(text).names}
    assert value(text, **tags) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at column 1"),
        ("volts *", "at column"),
        ("volts * * amps", "at column"),
        ("1 + 2", "no tag is named"),
        ("__import__('os').system('true')", "at column 1: expected numbers, tags"),
        ("volts.__class__", "at column 1: expected numbers, tags"),
        ("eval(volts)", "at column 1: expected numbers, tags"),
        ("[volts for volts in amps]", "at column 1: expected numbers, tags"),
        ("volts if amps else 1", "at column 1: expected numbers, tags"),
        ("volts[0]", "at column 1: expected numbers, tags"),
        ("lambda: volts", "at column 1: expected numbers, tags"),
        ("(volts := 1)", "expected numbers, tags"),
        ("volts + 'a'", "at column 9: expected a number"),
        ("volts + True", "at column 9: expected a number"),
        ("volts + 1j", "at column 9: expected a number"),
        ("volts // 2", "at column 1: expected numbers, tags"),
        ("volts + sqrt(volts, 2)", "at column 9: sqrt takes 1 value, got 2"),
        ("max(*volts)", "at column 5: expected numbers, tags"),
        ("max(volts)", "max takes 2 values, got 1"),
        ("max(volts, amps, key=1)", "expected numbers, tags"),
        ("volts; amps", "at column"),
        ("volts + 1" + "0" * 400, "too large"),
        ("(" * 250 + "volts" + ")" * 240, ""),
        ("volts + " + "1 + " * 200, "at most 500 characters"),
        ("volts\x00", ""),
    ],
)
def test_anything_else_is_refused_with_its_column(text: str, words: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text).evaluate({"volts": np.zeros(1), "amps": np.zeros(1)})
    assert words in str(caught.value)


@given(st.text(max_size=60))
def test_no_text_does_anything_but_be_a_formula_or_none(text: str) -> None:
    try:
        formula = parse(text)
    except FormulaError:
        return
    result = formula.evaluate({name: np.array([1.0, 2.0]) for name in formula.names})
    assert result.shape == (2,)


def test_what_has_no_result_is_not_finite_and_raises_nothing() -> None:
    assert math.isinf(value("1 / volts", volts=0.0))
    assert math.isnan(value("volts / volts", volts=0.0))
    assert math.isnan(value("sqrt(volts)", volts=-1.0))
    assert math.isinf(value("volts ** 1e9", volts=10.0))
    assert math.isnan(value("(0 - volts) ** 0.5", volts=1.0))


def test_names_are_told_once_with_their_first_column() -> None:
    assert parse("b + a * b").names == {"b": 1, "a": 5}
