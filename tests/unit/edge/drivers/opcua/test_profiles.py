"""Which kind of server it is, and where a plan exceeds what such a one gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.profiles import PROFILES, Asked, ProfileName, overloads, recognised, shortages

QUIET = Asked((1000.0,), 1000.0, 10)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (["urn:SIMATIC.S7-1500.OPC-UA.Application:PLC_1", "https://www.siemens.com/s7-1500"], ProfileName.S7_1500),
        (["SIMATIC S7-1200", "V4.5"], ProfileName.S7_1200),
        (["CODESYS Control for Linux"], ProfileName.CODESYS),
        (["SINUMERIK OPC UA Server"], ProfileName.SINUMERIK),
        (["FreeOpcUa Python Server", "urn:freeopcua:python:server"], ProfileName.GENERIC),
        ([], ProfileName.GENERIC),
    ],
)
def test_a_server_is_recognised_by_what_it_says_of_itself(said: list[str], kind: ProfileName) -> None:
    assert recognised(said) is kind


@pytest.mark.parametrize("name", ProfileName)
def test_a_quiet_plan_exceeds_nothing(name: ProfileName) -> None:
    assert (overloads(PROFILES[name], QUIET), shortages(PROFILES[name], QUIET)) == ([], [])


def test_each_excess_is_told_with_its_figures_and_its_fix() -> None:
    asked = Asked((50.0,) * 1001, 250.0, 20_000)
    s7 = PROFILES[ProfileName.S7_1500]
    ((items, _),) = overloads(s7, asked)
    assert "1001 monitored items" in items
    assert "1000" in items
    assert [fix for _, fix in shortages(s7, asked)] == ["every: 100ms", "publishing_interval: 500ms"]
    sinumerik = PROFILES[ProfileName.SINUMERIK]
    assert "20020 samples a second" in overloads(sinumerik, asked)[0][0]
    assert "queues of 20000 values" in shortages(sinumerik, asked)[-1][0]


@given(
    st.sampled_from(ProfileName),
    st.lists(st.floats(1, 10_000), max_size=50).map(tuple),
    st.floats(1, 10_000),
    st.integers(0, 100_000),
)
def test_what_the_fixes_ask_for_is_no_shortage_any_more(
    name: ProfileName, sampling_ms: tuple[float, ...], publishing_ms: float, queue: int
) -> None:
    profile = PROFILES[name]
    slower = Asked(
        tuple(max(interval, profile.sampling_ms) for interval in sampling_ms),
        max(publishing_ms, profile.publishing_ms),
        min(queue, profile.queue),
    )
    assert shortages(profile, slower) == []
