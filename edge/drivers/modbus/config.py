"""What the configuration says about a Modbus device and its tags."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field as Option
from pydantic import field_validator, model_validator

from edge.drivers.modbus.decode import Field
from edge.drivers.modbus.order import ByteOrder
from edge.drivers.modbus.plan import Limits, Span, Table
from edge.drivers.modbus.values import ValueType
from edge.drivers.spec import DeviceOptions, Named, Options, TagOptions
from edge.units import Duration

_REGISTER = re.compile(r"(holding|input) +(\d{1,5})")
# an address has 16 bits
_ADDRESSES = 65536
_Bit = Annotated[int, Option(ge=0, le=15)]


class ReadOptions(Options):
    """How blocks are read from a device.

    Attributes:
        max_registers: Largest block; a table of bits allows 16 bits for each.
        max_gap: Largest hole between two tags that is read along.
        pause: Rest between an answer of the device and the next request to it, seconds.
    """

    max_registers: Annotated[int, Option(ge=1, le=125)] = 125
    max_gap: Annotated[int, Option(ge=0, le=124)] = 8
    pause: Annotated[Duration, Option(ge=0, le=60)] = 0.0


class ModbusTag(TagOptions):
    """One value of a device: in registers, or a bit.

    Attributes:
        at: Written `register`; `holding N` or `input N`: its first register.
        coil, discrete: Number of a bit of these tables. Exactly one of the three says where the value is.
        type: What the registers hold; uint16 if absent.
        bit: One bit of the register, 0 its lowest.
        bits: Some bits of the register as a number, `[lowest, highest]`.
        length: Registers of a string.
        byte_order: Overrides the device's.
    """

    # pydantic's models already have an attribute `register`
    at: Annotated[str | None, Option(alias="register")] = None
    coil: Annotated[int, Option(ge=0, le=_ADDRESSES)] | None = None
    discrete: Annotated[int, Option(ge=0, le=_ADDRESSES)] | None = None
    type: ValueType | None = None
    bit: _Bit | None = None
    bits: tuple[_Bit, _Bit] | None = None
    length: Annotated[int, Option(ge=1, le=125)] | None = None
    byte_order: ByteOrder | None = None

    @field_validator("at")
    @classmethod
    def _is_register(cls, at: str | None) -> str | None:
        if at is not None and not _REGISTER.fullmatch(at):
            raise ValueError(f"{at!r} is not a register; write `holding N` or `input N`, such as `holding 40`")
        return at

    @model_validator(mode="after")
    def _is_one_value(self) -> Self:
        if [self.at, self.coil, self.discrete].count(None) != 2:
            raise ValueError("expected exactly one of `register`, `coil` and `discrete`")
        if self.at is None and (self.type, self.bit, self.bits, self.length, self.byte_order) != (None,) * 5:
            raise ValueError(
                "a coil or discrete input is one bit; "
                "`type`, `bit`, `bits`, `length` and `byte_order` are for registers"
            )
        self._check_part()
        if (self.type is ValueType.STRING) != (self.length is not None):
            raise ValueError("`type: string` and `length`, in registers, go together")
        return self

    def _check_part(self) -> None:
        """Refuse a part of a register that is none."""
        key = "bits" if self.bits is not None else "bit"
        if self.bit is not None and self.bits is not None:
            raise ValueError("expected one of `bit` and `bits`")
        if (self.bit, self.bits) != (None, None) and self.type not in {None, ValueType.UINT16}:
            raise ValueError(f"`{key}` is of a 16-bit register; leave out `type: {self.type}`, or `{key}`")
        if self.bits is not None and self.bits[0] > self.bits[1]:
            raise ValueError(f"expected `bits` with the lowest first, got [{self.bits[0]}, {self.bits[1]}]")

    def place(self) -> tuple[Table, int]:
        """Return its table and its number there, as the configuration counts."""
        if self.coil is not None:
            return Table.COIL, self.coil
        if self.discrete is not None:
            return Table.DISCRETE, self.discrete
        match = _REGISTER.fullmatch(self.at or "")
        if match is None:
            raise ValueError("a tag without a place")
        return Table.HOLDING if match[1] == "holding" else Table.INPUT, int(match[2])

    def field(self, byte_order: ByteOrder) -> Field:
        """Return how its registers are read; `byte_order` is the device's."""
        bits = self.bits if self.bit is None else (self.bit, self.bit)
        return Field(self.type or ValueType.UINT16, self.byte_order or byte_order, bits, self.length or 0)


class ModbusDevice(DeviceOptions):
    """A unit of a connection.

    Attributes:
        unit: Its unit identifier; a device that is its own TCP server mostly takes any.
        byte_order: How its numbers lie in registers (`order.ByteOrder`).
        address_base: The number of the first item of a table: 0, or 1 for manuals that call holding register 1 40001.
        read: How blocks are read.
        tags: By name.
    """

    unit: Annotated[int, Option(ge=0, le=255)] = 1
    byte_order: ByteOrder = ByteOrder.BIG
    address_base: Literal[0, 1] = 0
    read: ReadOptions = ReadOptions()
    tags: dict[Named, ModbusTag]

    @property
    def is_polled(self) -> bool:
        """Every tag is asked for in its period."""
        return True

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        for name, tag in self.tags.items():
            span = self.span(0, tag, 0.0)
            last = _ADDRESSES - 1 + self.address_base
            if span.address < 0 or span.end > _ADDRESSES:
                raise ValueError(
                    f"tag {name}: expected numbers from {self.address_base} to {last}, its whole width included"
                )
            if span.width > span.limits.count(span.table):
                raise ValueError(
                    f"tag {name} takes {span.width} registers, read.max_registers allows {self.read.max_registers}"
                )
        return self

    def span(self, point: int, tag: ModbusTag, every_s: float) -> Span:
        """Return where a tag lies; `point` is its place in the driver's list."""
        table, number = tag.place()
        width = 1 if table.is_bits else tag.field(self.byte_order).width
        limits = Limits(self.read.max_registers, self.read.max_gap)
        return Span(point, self.unit, table, number - self.address_base, width, every_s, limits)
