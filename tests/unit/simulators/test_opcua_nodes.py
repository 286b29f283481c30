"""What a simulated OPC UA node is written, sound and spoilt."""

import math

import pytest
from asyncua import ua

from simulators.faults import Fault
from simulators.machine import Kind
from simulators.opcua_nodes import SPOILING, Node, Written, spoilt

THEN = ua.DateTime(2026, 5, 4, 3, 2, 1)


def written(value: float, kind: Kind = Kind.FLOAT) -> Written:
    sound = Node(ua.NodeId("force", 2), "force", kind).changed(value, THEN)
    assert sound is not None
    return sound


def test_what_stands_there_is_not_written_again_until_it_is_forgotten() -> None:
    node = Node(ua.NodeId("force", 2), "force", Kind.INT)
    assert node.changed(5.0, THEN) == written(5.0, Kind.INT)
    assert node.changed(5.0, THEN) is None
    node.forget()
    assert node.changed(5.0, THEN) is not None


@pytest.mark.parametrize("kind", Kind)
def test_no_fault_leaves_a_value_as_it_is(kind: Kind) -> None:
    assert spoilt(written(1.0, kind), ()) == written(1.0, kind)


def test_each_fault_spoils_what_it_is_named_for() -> None:
    sound = written(1.5)
    assert math.isnan(spoilt(sound, [Fault.NAN]).Value.Value)  # type: ignore[union-attr]
    assert spoilt(sound, [Fault.WRONG_TYPE]).Value == ua.Variant("1.5", ua.VariantType.String)
    assert spoilt(sound, [Fault.BAD_QUALITY]).StatusCode == ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSensorFailure))
    assert spoilt(sound, [Fault.CLOCK_RESET]).SourceTimestamp == THEN.replace(year=2000)
    assert all(spoilt(sound, [fault]) != sound for fault in SPOILING)


def test_only_numbers_with_a_point_can_be_not_a_number() -> None:
    sound = written(7.0, Kind.INT)
    assert spoilt(sound, [Fault.NAN]) == sound
