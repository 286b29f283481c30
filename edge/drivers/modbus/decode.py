"""What the bytes of an answer mean: the values of its points, all of a block at once; pure.

The session hands over an answer's data as it came; a `Block`, made once for each request, turns it into one
`Readings` block with a single gather, which brings every number's bytes into order (unless they are), and one view a
type. No Python runs per reading, except for texts.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.drivers.modbus.order import ByteOrder
from edge.drivers.modbus.plan import Request
from edge.drivers.modbus.values import FORMATS, Converter, Format, ValueType
from shared.reading import Quality, Readings

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Field:
    """How a point's registers are read.

    Attributes:
        type: What they hold; a point of a table of bits needs none.
        order: Where its bytes lie.
        bits: Lowest and highest bit of a part of a 16-bit register, 0 its lowest; None for the whole.
        length: Registers of a text.
    """

    type: ValueType = ValueType.UINT16
    order: ByteOrder = ByteOrder.BIG
    bits: tuple[int, int] | None = None
    length: int = 0

    @property
    def width(self) -> int:
        """How many registers it takes."""
        return self.length if self.type is ValueType.STRING else FORMATS[self.type].registers

    def positions(self, offset: int) -> list[int]:
        """Return where its bytes stand in the data of an answer, in the order A B C ..; `offset` in registers."""
        order = self.order.in_text if self.type is ValueType.STRING else self.order
        places = [2 * offset + place for place in order.places(self.width)]
        match self.type:
            case ValueType.INT8_HIGH | ValueType.UINT8_HIGH:
                return places[:1]
            case ValueType.INT8_LOW | ValueType.UINT8_LOW:
                return places[1:]
        return places


@dataclass(frozen=True, slots=True)
class _Segment:
    """Rows of one type: their bytes are `start` to `end` of the gathered ones, and their numbers go to `places`.

    `parts`: for some bits of registers, how far each is shifted and the mask behind that. `convert`: makes numbers of
    numpy's values where those are not the numbers.
    """

    rows: NDArray[np.intp]
    places: NDArray[np.intp] | slice
    start: int
    end: int
    dtype: str
    convert: Converter | None = None
    parts: tuple[NDArray[np.uint16], NDArray[np.uint16]] | None = None


class Block:
    """Reads the answers to one request; row i of its readings is the request's point i."""

    def __init__(self, request: Request, fields: Sequence[Field]) -> None:
        """Prepare for a request; `fields` says how each of its points is read, in their order."""
        self.size = (request.count + 7) // 8 if request.table.is_bits else 2 * request.count
        self._is_bits = request.table.is_bits
        offsets = [span.address - request.address for span in request.spans]
        self._offsets = np.asarray(offsets, np.intp)
        self._gather: NDArray[np.intp] | slice = slice(0, 0)
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
            # a signalling NaN is one more value that is no number
            with np.errstate(invalid="ignore"):
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
        groups: dict[tuple[Format, bool], list[int]] = defaultdict(list)
        for row, field in enumerate(fields):
            if field.type is ValueType.STRING:
                self._texts[row] = field.positions(offsets[row])
            else:
                groups[FORMATS[field.type], field.bits is not None].append(row)
        gather: list[int] = []
        for (form, is_part), rows in groups.items():
            start = len(gather)
            gather.extend(position for row in rows for position in fields[row].positions(offsets[row]))
            bits = [fields[row].bits or (0, 15) for row in rows]
            shifts = np.asarray([low for low, _ in bits], np.uint16)
            masks = np.asarray([(2 << high - low) - 1 for low, high in bits], np.uint16)
            parts = (shifts, masks) if is_part else None
            places = np.asarray(rows, np.intp)
            segment = _Segment(places, _run(rows), start, len(gather), form.dtype, form.convert, parts)
            self._segments.append(segment)
        self._gather = _run(gather)

    def _numbers(self, raw: NDArray[np.uint8], text: dict[int, str]) -> NDArray[np.float64]:
        """Return every row's number, NaN for texts; what no double holds also goes to `text`."""
        value = np.empty(len(self._tag))
        if self._texts:
            value.fill(np.nan)
        gathered = raw[self._gather]
        for segment in self._segments:
            numbers = gathered[segment.start : segment.end].view(segment.dtype)
            if segment.parts is not None:
                shifts, masks = segment.parts
                numbers = (numbers >> shifts) & masks
            elif segment.convert is not None:
                value[segment.places], texts = segment.convert(numbers)
                text.update({int(segment.rows[index]): words for index, words in texts.items()})
                continue
            value[segment.places] = numbers
        return value


def _run(places: Sequence[int]) -> NDArray[np.intp] | slice:
    """Return places as an index; as a slice if they follow each other, which costs a tenth."""
    if places and list(places) == list(range(places[0], places[0] + len(places))):
        return slice(places[0], places[0] + len(places))
    return np.asarray(places, np.intp)


def _text(data: bytes) -> str:
    """Read a text that ends with its first NUL or its last non-space; bytes that are not UTF-8 show as U+FFFD."""
    return data.split(b"\0", 1)[0].rstrip(b" ").decode("utf-8", "replace")


def _fixed(column: NDArray[_T]) -> NDArray[_T]:
    column.flags.writeable = False
    return column
