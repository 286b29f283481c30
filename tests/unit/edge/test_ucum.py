import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ucum import is_unit, meant

GOOD = (
    "",
    *"""
    1 % kW kW.h Cel K bar mbar kPa MPa /min /h m3/h L/min mm/s m/s2 N.m kN.m A mA V kV Ohm MOhm Hz kHz s ms us min
    h d kg g/cm3 kg/m3 um nm deg rad/s [degF] [psi] [in_i] {shots} {shots}/min kg{dry} 10*3/uL 10^3 mm[Hg] m[H2O]
    V.A kV.A{reactive} %{RH} J/(kg.K) W/(m2.K) m2 m-2 s-1 By MiBy Mibit/s dB [pH] [in_i'Hg] 2.kg t/h lx cal kat
    """.split(),  # noqa: SIM905 - shorter than a list
)
BAD = (
    *"""
    kWh °C C° degC rpm kw Kg KW sec hrs bars m^3 m³ N*m kW..h kW/ / . (kW kW) () { {a m{a}b min2x kmin mh k psi
    inch volt [degF kW.h/ J//K
    """.split(),  # noqa: SIM905 - shorter than a list
    "kW h",
    " kW",
    "kW ",
    "a{\n}",
    "x" * 60,
    "(" * 40,
)


@pytest.mark.parametrize("unit", GOOD)
def test_what_plants_measure_in_has_a_unit(unit: str) -> None:
    assert is_unit(unit)


@pytest.mark.parametrize("unit", BAD)
def test_what_is_none_is_told(unit: str) -> None:
    assert not is_unit(unit)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("kWh", "kW.h"),
        ("°C", "Cel"),
        ("degC", "Cel"),
        ("rpm", "/min"),
        ("sec", "s"),
        ("m³/h", "m3/h"),
        ("kg/m^3", "kg/m3"),
        ("W/m²", "W/m2"),
        ("N*m", "N.m"),
        ("bars", "bar"),
        ("psi", "[psi]"),
        ("KW", "kW"),
        ("Mpa", "MPa"),
        ("µm", "um"),
        ("pcs", "{pcs}"),
        ("kvar", "kV.A{reactive}"),
        (" kW ", "kW"),
    ],
)
def test_what_was_meant_is_proposed(text: str, unit: str) -> None:
    assert not is_unit(text)
    assert meant(text) == unit
    assert is_unit(unit)


def test_nothing_is_proposed_for_what_is_like_nothing() -> None:
    assert meant("flurbs") is None


@given(st.text(max_size=60))
def test_any_text_is_judged_and_every_proposal_is_a_unit(text: str) -> None:
    assert isinstance(is_unit(text), bool)
    proposal = meant(text)
    assert proposal is None or is_unit(proposal)


@given(st.lists(st.sampled_from([unit for unit in GOOD if unit and not unit.startswith("/")]), min_size=1, max_size=4))
def test_units_are_multiplied_and_divided(units: list[str]) -> None:
    for joined in (".".join(units), "/".join(units), "/".join(f"({unit})" for unit in units)):
        assert is_unit(joined) == (len(joined) <= 50)
