"""Which reading of the same words is the likely one: by its size, its form, and the range that the tag has; pure.

Measured values are moderate: a voltage is 230.5 and not 2.3e23 or 1e-41. Bytes in a wrong order make numbers that are
huge, tiny, or none. One value proves little, so a verdict on a device's byte order takes all its values together.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from edge.drivers.inspection import Alternative
from edge.drivers.modbus.decode import Block, Field
from edge.drivers.modbus.order import ByteOrder
from edge.drivers.modbus.plan import Request, Span, Table
from edge.drivers.modbus.values import FORMATS, ValueType
from edge.drivers.spec import TagOptions

# a difference that is more than chance: about one step of size
CLEARLY = 0.75
_FLOATS = frozenset({ValueType.FLOAT16, ValueType.FLOAT32, ValueType.FLOAT64})
_DATES = frozenset({ValueType.DATETIME_UNIX, ValueType.DATETIME_IEC})
# 2000 and 2050, seconds since 1970
_OUR_TIME = (946_684_800.0, 2_524_608_000.0)
_NONE, _UNLIKELY, _LIKELY = -4.0, -3.0, 2.0


@dataclass(frozen=True, slots=True)
class Sight:
    """One way to read a point's words. `score`: how likely that is, higher is likelier."""

    order: ByteOrder
    value: float
    text: str | None
    score: float


def sights(field: Field, data: bytes, options: TagOptions) -> list[Sight]:
    """Read a point's own bytes, as they came, in every order that makes a difference, the configured one first.

    Nothing for texts, parts of registers, and words that are all the same, which every order reads alike.
    """
    if field.type is ValueType.STRING or field.bits is not None or len(set(data)) == 1:
        return []
    found: dict[tuple[int, ...], Sight] = {}
    for order in sorted(ByteOrder, key=lambda order: order is not field.order):
        lying = tuple(order.places(field.width))
        if lying not in found:
            value, text = read(Field(field.type, order), data)
            found[lying] = Sight(order, value, text, score(field.type, value, options))
    return list(found.values()) if len(found) > 1 else []


def read(field: Field, data: bytes) -> tuple[float, str | None]:
    """Read one point from its own bytes."""
    span = Span(0, 1, Table.HOLDING, 0, field.width, 1.0)
    readings = Block(Request(1, Table.HOLDING, 0, field.width, 1.0, (span,)), [field]).good(data, 0)
    return float(readings.value[0]), readings.text.get(0)


def score(kind: ValueType, value: float, options: TagOptions) -> float:
    """Say how likely a value is before scaling, from about -7 to 6; 0 is neither."""
    if not math.isfinite(value):
        return _NONE
    found = _of_range(value, options)
    size = abs(value)
    if kind in _DATES:
        return found + (_LIKELY if _OUR_TIME[0] <= value < _OUR_TIME[1] else _UNLIKELY)
    if size == 0:
        return found
    if kind in _FLOATS:
        if not 1e-4 <= size <= 1e8:
            return found + _UNLIKELY
        # what a person set, or a converter of few digits measured
        is_round = math.isclose(float(f"{value:.4g}"), value, rel_tol=1e-7)
        return found + (_LIKELY if 1e-2 <= size <= 1e6 else 0.5) + is_round
    bits = 16 * FORMATS[kind].registers
    return found + _LIKELY * (1 - min(math.log2(size + 1) / bits, 1.0))


def shown(seen: Sequence[Sight]) -> list[Alternative]:
    """Lay the ways to read a point side by side; the first is the configured one."""
    if not seen:
        return []
    best = likely(seen)
    return [
        Alternative(
            str(sight.order),
            sight.text or f"{sight.value:.7g}",
            is_configured=sight is seen[0],
            is_plausible=sight is best,
        )
        for sight in seen
    ]


def likely(seen: Sequence[Sight]) -> Sight:
    """Return the likely one; the configured one, which is the first, unless another is clearly likelier."""
    best = max(seen, key=lambda sight: sight.score)
    return seen[0] if seen[0].score >= best.score - CLEARLY else best


@dataclass(frozen=True, slots=True)
class Consensus:
    """What a device's values say together. `configured` and `best_score` are means of scores."""

    configured: float
    best: ByteOrder
    best_score: float

    @property
    def is_clear(self) -> bool:
        """Whether another order than the configured one is clearly likelier."""
        return self.best_score - self.configured > CLEARLY


def consensus(points: Sequence[Sequence[Sight]]) -> Consensus | None:
    """Take the points of a device together; None if they say nothing.

    Numbers of several registers speak louder than single registers, which are plausible either way: those count only
    where there is nothing else, and at least three of them.
    """
    wide = [seen for seen in points if len(seen) > 2]
    speaking = wide or [seen for seen in points if seen]
    if not wide and len(speaking) < 3:
        return None
    totals = dict.fromkeys(ByteOrder, 0.0)
    for seen in speaking:
        by_letters = {_lying(sight.order, len(seen)): sight.score for sight in seen}
        for order in totals:
            totals[order] += by_letters[_lying(order, len(seen))]
    # of orders that are equal for these widths the one with a name comes first
    best = max(totals, key=lambda order: totals[order])
    count = len(speaking)
    return Consensus(sum(seen[0].score for seen in speaking) / count, best, totals[best] / count)


def _lying(order: ByteOrder, ways: int) -> tuple[int, ...]:
    """Return how a number lies of which there are so many ways: 2 of one register, 4 of two, 8 of four."""
    return tuple(order.places({2: 1, 4: 2, 8: 4}[ways]))


def _of_range(value: float, options: TagOptions) -> float:
    if options.range is None:
        return 0.0
    low, high = options.range
    return 3.0 if low <= value * options.scale + options.offset <= high else _UNLIKELY


def words(data: bytes) -> str:
    """Write registers as people compare them with a manual: `4366 8000`."""
    return " ".join(f"{word:04X}" for (word,) in struct.iter_unpack(">H", data))
