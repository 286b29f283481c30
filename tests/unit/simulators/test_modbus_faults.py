"""A fault changes the answers of the units it was ordered for, and no others."""

import pytest

from simulators.faults import Fault
from simulators.modbus_faults import Disturbance

TCP = bytes.fromhex("0001 0000 0007 01 03 04 00010002")
RTU = bytes.fromhex("01 03 04 00010002 2a32")


def disturbed(fault: Fault, device: str | None = None) -> Disturbance:
    disturbance = Disturbance(["press-01", "press-02"])
    disturbance.begin(fault, device)
    return disturbance


def test_without_a_fault_everything_passes() -> None:
    disturbance = disturbed(Fault.STALL)
    disturbance.end(Fault.STALL, None)
    assert disturbance.on_tcp(TCP) == TCP
    assert disturbance.on_the_line(RTU) == RTU
    assert disturbance.is_truthful(1)


def test_on_a_line_nobody_answers_for_a_unit_that_is_not_there() -> None:
    assert Disturbance(["press-01"]).on_the_line(b"\x09" + RTU[1:]) == b""


def test_a_fault_of_one_device_leaves_the_others_alone() -> None:
    disturbance = disturbed(Fault.STALL, "press-02")
    assert disturbance.on_tcp(TCP) == TCP
    assert disturbance.is_truthful(1)
    assert disturbance.on_tcp(TCP[:6] + b"\2" + TCP[7:]) == b""
    assert not disturbance.is_truthful(2)


@pytest.mark.parametrize(
    ("fault", "tcp", "rtu"),
    [
        (Fault.STALL, "", ""),
        (Fault.SHORT_ANSWER, "0001 0000 0005 01 03 02 0001", "01 03 04 00"),
        (Fault.ALIEN_ANSWER, "0001 0000 0007 02 03 04 00010002", "02 03 04 00010002 1932"),
        (Fault.WRONG_CHECKSUM, TCP.hex(), "01 03 04 00010002 2acd"),
    ],
)
def test_each_fault_is_what_its_name_says(fault: Fault, tcp: str, rtu: str) -> None:
    assert disturbed(fault).on_tcp(TCP) == bytes.fromhex(tcp)
    assert disturbed(fault).on_the_line(RTU) == bytes.fromhex(rtu)


def test_a_fault_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no device 'press-03'; there are press-01, press-02"):
        disturbed(Fault.STALL, "press-03")
    with pytest.raises(ValueError, match="all units share a connection"):
        disturbed(Fault.FLAP, "press-01")
