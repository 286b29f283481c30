"""Owns what adds up: the microseconds of each category and the pieces of each kind of a window, and nothing else.

Ratios are computed from sums (`figures`), never averaged. All numbers are integers, so that any partition of a
window, in any order, gives the same sums to the last bit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cloud.kpi.elements import Category, PieceKind


@dataclass(frozen=True, slots=True)
class Facts:
    """A window of a machine, or several together.

    Attributes:
        time_us: Microseconds of each category; together they are the calendar time.
        pieces: Pieces of each kind, made in planned operation time.
        ideal_us: The time that these should have taken: ideal cycle times pieces, by kind.
        without_ideal: Pieces whose ideal cycle nobody told; they are in `pieces` and not in `ideal_us`.
        overtime_pieces: Pieces made outside of planned operation time, or in a break: kept, and in no figure.
        failures: Failures that began here.
        repair_us: Time in failures, where it was planned to work.
    """

    time_us: Mapping[Category, int] = field(default_factory=dict)
    pieces: Mapping[PieceKind, int] = field(default_factory=dict)
    ideal_us: Mapping[PieceKind, int] = field(default_factory=dict)
    without_ideal: int = 0
    overtime_pieces: int = 0
    failures: int = 0
    repair_us: int = 0

    @property
    def calendar_us(self) -> int:
        """How long the window is."""
        return sum(self.time_us.values())

    def __add__(self, other: "Facts") -> "Facts":
        return total((self, other))


def total(several: Iterable[Facts]) -> Facts:
    """Return several windows' facts as one's: of a line, a month, a product."""
    time: dict[Category, int] = {}
    pieces: dict[PieceKind, int] = {}
    ideal: dict[PieceKind, int] = {}
    without = overtime = failures = repair = 0
    for facts in several:
        for category, spent in facts.time_us.items():
            time[category] = time.get(category, 0) + spent
        for kind, count in facts.pieces.items():
            pieces[kind] = pieces.get(kind, 0) + count
        for kind, spent in facts.ideal_us.items():
            ideal[kind] = ideal.get(kind, 0) + spent
        without += facts.without_ideal
        overtime += facts.overtime_pieces
        failures += facts.failures
        repair += facts.repair_us
    return Facts(time, pieces, ideal, without, overtime, failures, repair)
