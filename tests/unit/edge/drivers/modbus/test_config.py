"""The configuration of Modbus says where each tag lies, or why it cannot."""

import pytest
from pydantic import ValidationError

from edge.drivers.modbus import SPEC
from edge.drivers.modbus.config import ModbusDevice, ModbusTag
from edge.drivers.modbus.connection import ModbusConnection
from edge.drivers.modbus.decode import Field
from edge.drivers.modbus.order import ByteOrder
from edge.drivers.modbus.plan import Limits, Span, Table
from edge.drivers.modbus.values import ValueType


def device(tags: dict[str, dict[str, object]], **options: object) -> ModbusDevice:
    return ModbusDevice.model_validate({"name": "press-3", "on": "line", "tags": tags, **options})


def tag(**options: object) -> ModbusTag:
    return device({"it": options}).tags["it"]


def test_the_example_of_the_guide_is_understood() -> None:
    meter = device(
        {
            "power_kw": {"register": "input 40", "type": "int32", "scale": 0.0001, "unit": "kW", "deadband": 0.05},
            "alarm": {"coil": 3},
        },
        unit=7,
        byte_order="little-swap",
        read={"max_registers": 60, "max_gap": 2, "pause": "20ms"},
    )
    power, alarm = meter.tags.values()
    assert meter.span(4, power, 0.5) == Span(4, 7, Table.INPUT, 40, 2, 0.5, Limits(60, 2))
    assert power.field(meter.byte_order) == Field(ValueType.INT32, ByteOrder.LITTLE_SWAP)
    assert meter.span(5, alarm, 1.0) == Span(5, 7, Table.COIL, 3, 1, 1.0, Limits(60, 2))
    assert meter.read.pause == 0.02


def test_manuals_that_count_from_one_are_followed() -> None:
    manual = device({"it": {"register": "holding 1"}}, address_base=1)
    assert manual.span(0, manual.tags["it"], 1.0).address == 0


@pytest.mark.parametrize(
    ("options", "width"),
    [
        ({}, 1),
        ({"type": "float32"}, 2),
        ({"type": "uint64"}, 4),
        ({"type": "string", "length": 12}, 12),
        ({"bit": 15}, 1),
        ({"bits": [4, 7]}, 1),
        ({"type": "int8-low"}, 1),
        ({"type": "bcd64"}, 4),
        ({"type": "datetime-iec"}, 4),
    ],
)
def test_a_tag_takes_the_registers_of_its_type(options: dict[str, object], width: int) -> None:
    assert tag(register="holding 40", **options).field(ByteOrder.BIG).width == width


def test_a_tags_byte_order_goes_before_its_devices() -> None:
    assert tag(register="holding 40", byte_order="big-swap").field(ByteOrder.BIG).order is ByteOrder.BIG_SWAP


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "exactly one of"),
        ({"register": "holding 1", "coil": 1}, "exactly one of"),
        ({"register": "holdin 1"}, "'holdin 1' is not a register; write `holding N` or `input N`"),
        ({"register": "holding"}, "is not a register"),
        ({"register": 40001}, "'40001' is not a register"),
        ({"coil": 1, "type": "int16"}, "a coil or discrete input is one bit"),
        ({"discrete": 1, "bit": 0}, "a coil or discrete input is one bit"),
        ({"register": "holding 1", "bit": 16}, "less than or equal to 15"),
        ({"register": "holding 1", "bit": 1, "type": "int32"}, "`bit` is of a 16-bit register"),
        ({"register": "holding 1", "type": "string"}, "`type: string` and `length`, in registers, go together"),
        ({"register": "holding 1", "length": 4}, "`type: string` and `length`, in registers, go together"),
        ({"register": "holding 1", "bits": [4, 2]}, "expected `bits` with the lowest first, got .4, 2."),
        ({"register": "holding 1", "bits": [4, 7], "bit": 3}, "expected one of `bit` and `bits`"),
        ({"register": "holding 1", "bits": [4, 16]}, "less than or equal to 15"),
        ({"register": "holding 1", "type": "float128"}, "int16"),
        ({"register": "holding 65536"}, "tag it: expected numbers from 0 to 65535"),
        ({"register": "holding 65535", "type": "int32"}, "its whole width included"),
        ({"coil": 65536}, "tag it: expected numbers from 0 to 65535"),
        ({"register": "holding 1", "regster": 1}, "Extra inputs"),
    ],
)
def test_a_tag_that_cannot_be_is_refused_with_the_reason(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        tag(**options)


def test_number_zero_is_refused_where_the_manual_counts_from_one() -> None:
    with pytest.raises(ValidationError, match="tag it: expected numbers from 1 to 65536"):
        device({"it": {"register": "holding 0"}}, address_base=1)


def test_a_tag_wider_than_the_devices_blocks_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"tag it takes 4 registers, read\.max_registers allows 2"):
        device({"it": {"register": "holding 0", "type": "float64"}}, read={"max_registers": 2})


def test_the_driver_is_declared() -> None:
    assert SPEC.protocol in ModbusConnection.model_fields
    assert issubclass(SPEC.device, ModbusDevice)
