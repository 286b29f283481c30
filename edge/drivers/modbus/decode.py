"""What the bytes of an answer mean: the values of its points, all of a block at once; pure.

The session hands over an answer's data as it came; a `Block`, made once for each request, turns it into one
`Readings` block with a single gather, which brings every number's bytes into order, and one view a type. No
Python runs per reading, except for texts.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.drivers.modbus.plan import Request
from shared.reading import Quality, Readings

_T = TypeVar("_T", bound=np.generic)
# beyond it a double no longer holds every integer
_EXACT = 2**53


class ByteOrder(StrEnum):
    """How a number's bytes lie in its registers; A is its most significant byte, read from left to right.

    A register's own bytes are big-endian in the protocol (Modbus Application Protocol V1.1b3, 4.2), the order of
    registers is up to the device, and some devices swap the bytes too. So two choices make four orders:

        order        registers     bytes in each   16 bits  32 bits  64 bits
        big          high first    as they are     AB       ABCD     ABCDEFGH
        little       low first     swapped         BA       DCBA     HGFEDCBA
        big-swap     high first    swapped         BA       BADC     BADCFEHG
        little-swap  low first     as they are     AB       CDAB     GHEFCDAB

    A text's registers always follow each other as read; only its bytes are swapped.
    """

    BIG = "big"
    LITTLE = "little"
    BIG_SWAP = "big-swap"
    LITTLE_SWAP = "little-swap"

    @property
    def is_low_first(self) -> bool:
        """Whether the first register holds the lowest bits."""
        return self in {ByteOrder.LITTLE, ByteOrder.LITTLE_SWAP}

    @property
    def is_swapped(self) -> bool:
        """Whether a register's low byte comes first."""
        return self in {ByteOrder.LITTLE, ByteOrder.BIG_SWAP}


class ValueType(StrEnum):
    """What the registers of a point hold."""

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"


# as numpy reads them once their bytes are in the order A B C ..
_NUMBERS = {
    ValueType.INT16: ">i2",
    ValueType.UINT16: ">u2",
    ValueType.INT32: ">i4",
    ValueType.UINT32: ">u4",
    ValueType.INT64: ">i8",
    ValueType.UINT64: ">u8",
    ValueType.FLOAT32: ">f4",
    ValueType.FLOAT64: ">f8",
}


@dataclass(frozen=True, slots=True)
class Field:
    """How a point's registers are read.

    Attributes:
        type: What they hold; a point of a table of bits needs none.
        order: Where its bytes lie.
        bit: One bit of a 16-bit register, 0 its lowest; None for the whole.
        length: Registers of a text.
    """

    type: ValueType = ValueType.UINT16
    order: ByteOrder = ByteOrder.BIG
    bit: int | None = None
    length: int = 0

    @property
    def width(self) -> int:
        """How many registers it takes."""
        return self.length if self.type is ValueType.STRING else np.dtype(_NUMBERS[self.type]).itemsize // 2

    def positions(self, offset: int) -> list[int]:
        """Return where its bytes stand in the data of an answer, in the order A B C ..; `offset` in registers."""
        registers = range(offset, offset + self.width)
        low_first = self.order.is_low_first and self.type is not ValueType.STRING
        pair = (1, 0) if self.order.is_swapped else (0, 1)
        return [2 * register + byte for register in (reversed(registers) if low_first else registers) for byte in pair]


@dataclass(frozen=True, slots=True)
class _Segment:
    """Rows of one type: their bytes are `start` to `end` of the gathered ones. `shifts`: for bits of registers."""

    rows: NDArray[np.intp]
    start: int
    end: int
    dtype: str
    shifts: NDArray[np.uint16] | None = None


class Block:
    """Reads the answers to one request; row i of its readings is the request's point i."""

    def __init__(self, request: Request, fields: Sequence[Field]) -> None:
        """Prepare for a request; `fields` says how each of its points is read, in their order."""
        self.size = (request.count + 7) // 8 if request.table.is_bits else 2 * request.count
        self._is_bits = request.table.is_bits
        offsets = [span.address - request.address for span in request.spans]
        self._offsets = np.asarray(offsets, np.intp)
        self._gather = np.zeros(0, np.intp)
        self._segments: list[_Segment] = []
        self._texts: dict[int, list[int]] = {}
        if not self._is_bits:
            self._arrange(offsets, fields)
        rows = len(offsets)
        # shared by all samples, hence never to be written to
        self._tag = _fixed(np.asarray([span.point for span in request.spans], np.uint32))
        self._no_time = _fixed(np.zeros(rows, np.int64))
        self._no_flags = _fixed(np.zeros(rows, np.uint8))
        self._no_status = _fixed(np.zeros(rows, np.uint32))
        self._all_bad = _fixed(np.full(rows, Quality.BAD, np.uint8))

    def good(self, data: bytes, received_us: int) -> Readings:
        """Read the data of a whole answer.

        Args:
            data: `size` bytes: registers as they came, or bits packed from the lowest.
            received_us: When the answer came, microseconds since 1970 UTC.
        """
        raw = np.frombuffer(data, np.uint8, self.size)
        text: dict[int, str] = {}
        if self._is_bits:
            value = np.unpackbits(raw, bitorder="little")[self._offsets].astype(np.float64)
        else:
            value = self._numbers(raw, text)
            for row, positions in self._texts.items():
                text[row] = _text(raw[positions].tobytes())
        received = np.empty(len(value), np.int64)
        received.fill(received_us)
        # quality good is 0 as no flags are
        return Readings(
            self._tag, self._no_time, received, value, self._no_flags, self._no_flags, self._no_status, text
        )

    def bad(self, status: int, received_us: int) -> Readings:
        """Say that no point of the block could be read, and why."""
        rows = len(self._tag)
        received = np.full(rows, received_us, np.int64)
        codes = np.full(rows, status, np.uint32)
        value = np.full(rows, np.nan)
        return Readings(self._tag, self._no_time, received, value, self._all_bad, self._no_flags, codes)

    def _arrange(self, offsets: Sequence[int], fields: Sequence[Field]) -> None:
        """Sort rows by type and find their bytes."""
        groups: dict[tuple[str, bool], list[int]] = defaultdict(list)
        for row, field in enumerate(fields):
            if field.type is ValueType.STRING:
                self._texts[row] = field.positions(offsets[row])
            else:
                groups[_NUMBERS[field.type], field.bit is not None].append(row)
        gather: list[int] = []
        for (dtype, is_bit), rows in groups.items():
            start = len(gather)
            gather.extend(position for row in rows for position in fields[row].positions(offsets[row]))
            shifts = np.asarray([fields[row].bit for row in rows], np.uint16) if is_bit else None
            self._segments.append(_Segment(np.asarray(rows, np.intp), start, len(gather), dtype, shifts))
        self._gather = np.asarray(gather, np.intp)

    def _numbers(self, raw: NDArray[np.uint8], text: dict[int, str]) -> NDArray[np.float64]:
        """Return every row's number, NaN for texts; integers that no double holds also go to `text`."""
        value = np.empty(len(self._tag))
        if self._texts:
            value.fill(np.nan)
        gathered = raw[self._gather]
        for segment in self._segments:
            numbers = gathered[segment.start : segment.end].view(segment.dtype)
            if segment.shifts is not None:
                numbers = (numbers >> segment.shifts) & 1
            value[segment.rows] = numbers
            if segment.dtype in {">i8", ">u8"}:
                for index in np.flatnonzero((numbers > _EXACT) | (numbers < -_EXACT)).tolist():
                    text[int(segment.rows[index])] = str(numbers[index])
        return value


def _text(data: bytes) -> str:
    """Read a text that ends with its first NUL or its last non-space; bytes that are not UTF-8 show as U+FFFD."""
    return data.split(b"\0", 1)[0].rstrip(b" ").decode("utf-8", "replace")


def _fixed(column: NDArray[_T]) -> NDArray[_T]:
    column.flags.writeable = False
    return column
