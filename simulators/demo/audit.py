"""The demo's verdict: the simulators' ledger held against the rows that the cloud shows; pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from simulators.ledger import Entry


class Row(NamedTuple):
    """One reading as the cloud shows it; `value` is None where it holds no number."""

    device: str
    tag: str
    ts_us: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison found.

    Attributes:
        emitted: Readings that the simulators said.
        stored: Rows with a value.
        lost: Said, and in no row.
        duplicated: Rows beyond the first of something said once.
        foreign: Rows of something that nobody said.
        disordered: Tags whose rows do not come in the order in which they were said.
    """

    emitted: int
    stored: int
    lost: int
    duplicated: int
    foreign: int
    disordered: int

    @property
    def is_exact(self) -> bool:
        """Whether every reading said is stored once, in order, and nothing else."""
        return not (self.lost or self.duplicated or self.foreign or self.disordered)


_Key = tuple[int, float]


def compare(entries: Iterable[Entry], rows: Iterable[Row]) -> Verdict:
    """Hold rows against a ledger.

    A reading is known by its tag, its source time and its value; by its value alone where the protocol
    carries no time (its `ts_us` is 0 in the ledger).

    Args:
        entries: What was said, in order.
        rows: What is stored, in order of time within each tag.
    """
    said: dict[tuple[str, str], list[_Key]] = defaultdict(list)
    for entry in entries:
        said[entry.device, entry.tag].append((entry.ts_us, entry.value))
    stored: dict[tuple[str, str], list[_Key]] = defaultdict(list)
    for row in rows:
        if row.value is not None:
            is_timed = bool((said.get((row.device, row.tag)) or ((1, 0.0),))[0][0])
            stored[row.device, row.tag].append((row.ts_us if is_timed else 0, row.value))
    lost = duplicated = foreign = disordered = 0
    for tag in said.keys() | stored.keys():
        expected, found = Counter(said[tag]), Counter(stored[tag])
        lost += (expected - found).total()
        surplus = found - expected
        known = sum(count for key, count in surplus.items() if key in expected)
        duplicated += known
        foreign += surplus.total() - known
        disordered += expected == found and said[tag] != stored[tag]
    return Verdict(
        emitted=sum(map(len, said.values())),
        stored=sum(map(len, stored.values())),
        lost=lost,
        duplicated=duplicated,
        foreign=foreign,
        disordered=disordered,
    )
