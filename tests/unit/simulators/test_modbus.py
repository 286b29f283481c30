"""A machine's signals lie one behind the other in its holding registers."""

from itertools import pairwise

import pytest

from simulators.ledger import Ledger
from simulators.machine import Kind, Machine, Protocol
from simulators.modbus import ModbusPlant, layout
from simulators.plant import plant, speaking


def machines() -> list[Machine]:
    return speaking(plant(2), Protocol.MODBUS)


def test_signals_lie_without_hole_or_overlap_from_register_zero() -> None:
    places = layout(machines()[0])
    assert [place.signal for place in places] == list(machines()[0].signals)
    assert places[0].address == 0
    assert all(before.end == after.address for before, after in pairwise(places))


def test_each_kind_has_a_type_that_holds_it() -> None:
    types = {Kind.FLOAT: ("float32", 2), Kind.INT: ("uint32", 2), Kind.BOOL: ("uint16", 1)}
    for place in layout(machines()[0]):
        assert (place.type, place.end - place.address) == types[place.signal.kind]


def test_a_server_has_no_more_units_than_the_protocol(tmp_path) -> None:
    with Ledger(tmp_path / "ledger.csv") as ledger, pytest.raises(ValueError, match="248 machines"):
        ModbusPlant(machines()[:1] * 248, ledger)
