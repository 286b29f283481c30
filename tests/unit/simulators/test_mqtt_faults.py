import json

from simulators.faults import Fault
from simulators.mqtt_faults import STORM, is_truthful, messages

T_MS = 1_795_176_000_000
VALUES = {"good": 7, "power_kw": 1.5}


def said(*faults: Fault) -> list[tuple[object, int]]:
    return [(json.loads(payload), qos) for payload, qos in messages(T_MS, VALUES, faults)]


def test_without_a_fault_a_message_is_what_it_is() -> None:
    assert said() == [({"t": T_MS, "good": 7, "power_kw": 1.5}, 1)]
    assert is_truthful(())


def test_who_is_stalled_says_nothing() -> None:
    assert said(Fault.STALL, Fault.STORM) == []


def test_only_floats_can_be_nan() -> None:
    ((payload, _),) = messages(T_MS, VALUES, [Fault.NAN])
    assert payload == b'{"t": 1795176000000, "good": 7, "power_kw": NaN}'


def test_a_wrong_type_is_an_object_and_a_reset_clock_stands_in_2000() -> None:
    ((document, _),) = said(Fault.WRONG_TYPE, Fault.CLOCK_RESET)
    assert isinstance(document, dict)
    assert document["good"] == {"value": 7}
    assert 946_684_800_000 <= document["t"] < 946_684_800_000 + 86_400_000


def test_a_malformed_payload_is_cut_short() -> None:
    ((payload, _),) = messages(T_MS, VALUES, [Fault.MALFORMED])
    assert payload == b'{"t": 1795176000000,'


def test_copies_and_a_storm_bear_what_the_first_one_does_and_stay_true() -> None:
    twice = said(Fault.DUPLICATE)
    assert len(twice) == 2
    assert twice[0] == twice[1]
    storm = said(Fault.STORM)
    assert [qos for _, qos in storm] == [1, *[0] * STORM]
    assert all(document == storm[0][0] for document, _ in storm)
    assert is_truthful([Fault.DUPLICATE, Fault.STORM, Fault.FLAP])
    assert not is_truthful([Fault.DUPLICATE, Fault.NAN])
