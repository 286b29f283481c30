"""Which values there can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.telemetry.physics import KINDS, WRITTEN, code_of, in_first_unit, range_of
from shared.reading import ReadingType

UNITS = [(kind, unit) for kind in KINDS for unit in KINDS[kind].units]


def test_every_type_but_the_state_has_a_range():
    assert KINDS.keys() == set(ReadingType) - {ReadingType.STATE}


@pytest.mark.parametrize(("kind", "unit"), UNITS)
def test_a_range_is_the_same_in_each_of_its_units(kind, unit):
    can = range_of(KINDS[kind], unit)
    assert can.low < can.high
    assert in_first_unit(KINDS[kind], can.low, unit) == pytest.approx(KINDS[kind].low)
    assert in_first_unit(KINDS[kind], can.high, unit) == pytest.approx(KINDS[kind].high)


@pytest.mark.parametrize(("unit", "low"), [("Cel", -273.15), ("K", 0.0), ("[degF]", -459.67)])
def test_absolute_zero_is_absolute_zero(unit, low):
    assert range_of(KINDS[ReadingType.TEMPERATURE], unit).low == pytest.approx(low)


@pytest.mark.parametrize(("unit", "low"), [("bar", -1.01325), ("kPa", -101.325), ("[psi]", -14.6959)])
def test_no_gauge_shows_less_than_a_vacuum(unit, low):
    assert range_of(KINDS[ReadingType.PRESSURE], unit).low == pytest.approx(low, rel=1e-5)


@given(st.sampled_from(UNITS), st.floats(-1e6, 1e6))
def test_a_value_is_possible_in_one_unit_as_in_the_first(of, value):
    kind, unit = KINDS[of[0]], of[1]
    can, first = range_of(kind, unit), in_first_unit(kind, value, unit)
    if abs(first - kind.low) > 1e-6 and abs(first - kind.high) > 1e-6:
        assert (can.low <= value <= can.high) == (kind.low <= first <= kind.high)


def test_units_are_taken_as_people_write_them():
    assert code_of("°C", KINDS[ReadingType.TEMPERATURE]) == "Cel"
    assert code_of("kWh", KINDS[ReadingType.ENERGY]) == "kW.h"
    assert code_of(None, KINDS[ReadingType.SPEED]) == "/min"
    assert code_of("adet", KINDS[ReadingType.GOOD_COUNT]) == ""
    assert code_of("bar", KINDS[ReadingType.TEMPERATURE]) is None
    assert code_of("furlong", KINDS[ReadingType.CUSTOM]) == "furlong"


def test_every_way_of_writing_leads_to_a_unit_that_is_known():
    known = {unit for _, unit in UNITS}
    assert set(WRITTEN.values()) <= known
