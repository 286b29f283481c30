"""What `browse` is asked to look for on a line, and how a range is halved until it can be read; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.drivers.modbus.plan import Table
from edge.errors import ConfigError

# where nobody says where to look: the addresses that most small plants use, and the first registers of each
USUAL = "1-10 holding 0-99"
_FORM = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?\s+(holding|input|coil|discrete)\s+(\d{1,5})(?:-(\d{1,5}))?")
# a block that is refused is halved; small enough for devices that dislike long questions
LARGEST = {Table.HOLDING: 50, Table.INPUT: 50, Table.COIL: 200, Table.DISCRETE: 200}


@dataclass(frozen=True, slots=True)
class Area:
    """Some units, and a range of one of their tables; both ends included."""

    units: range
    table: Table
    addresses: range


def areas(where: str) -> list[Area]:
    """Read `1-10 holding 0-199`, or several of them with commas between.

    Raises:
        ConfigError: It is of another form, or beyond what Modbus has.
    """
    return [_area(part.strip()) for part in (where.strip() or USUAL).split(",")]


def blocks(area: Area) -> Iterator[range]:
    """Cut an area's addresses into blocks to ask for."""
    largest = LARGEST[area.table]
    for start in range(area.addresses.start, area.addresses.stop, largest):
        yield range(start, min(start + largest, area.addresses.stop))


def halves(block: range) -> Sequence[range]:
    """Return the two to ask in a refused block's place; none of a single address."""
    if len(block) < 2:
        return []
    middle = block.start + len(block) // 2
    return [range(block.start, middle), range(middle, block.stop)]


def _area(text: str) -> Area:
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{text!r} is not a place on a Modbus line; write units, a table and addresses, such as "
            "`1-10 holding 0-199` (tables: holding, input, coil, discrete; addresses count from 0)"
        )
    units = range(int(match[1]), int(match[2] or match[1]) + 1)
    addresses = range(int(match[4]), int(match[5] or match[4]) + 1)
    if not units or units.stop > 256 or not addresses or addresses.stop > 65536:
        raise ConfigError(f"{text!r}: expected units 0..255 and addresses 0..65535, each with the lower one first")
    return Area(units, Table[match[3].upper()], addresses)
