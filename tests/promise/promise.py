"""The promise itself, in ten lines: what every harness of this directory holds its rows against."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.reading import Gap
from shared.wire import batch as wire


class Said(NamedTuple):
    """One reading, as it was handed to the buffer: its tag, and its time in microseconds since 1970."""

    device: str
    tag: str
    ts_us: int


@dataclass(frozen=True)
class Stored:
    """What a cloud holds: each row's number and what it bears, in the order of their batches, and the gaps."""

    rows: Sequence[tuple[int, Said]]
    gaps: Sequence[Gap]


def breaches(
    said: Mapping[int, Said], promised: Collection[int], stored: Stored, forked: Collection[int] = ()
) -> dict[str, list[int]]:
    """Return what is not as promised, by the promise that it breaks; empty if all is well.

    Args:
        said: Everything that was handed over, by its number.
        promised: Those of them that were acknowledged.
        stored: What came of it.
        forked: Those that two gateways had, or that a disk had which was rolled back: a gap may stand for one of
            them, and one of them may be sent under two identities, which the reading's key then tells apart.
    """
    times = Counter(number for number, _ in stored.rows)
    missing = said.keys() - times.keys()
    unexplained = {number for number in missing if not any(covers(gap, said[number]) for gap in stored.gaps)}
    found = {
        "lost": (missing & set(promised) - set(forked)) | unexplained,
        "twice": {number for number, count in times.items() if count > 1} - set(forked),
        "out of nothing": times.keys() - said.keys(),
        "changed": {number for number, bears in stored.rows if number in said and bears != said[number]},
    }
    return {promise: sorted(numbers) for promise, numbers in found.items() if numbers}


def covers(gap: Gap, reading: Said) -> bool:
    """Return whether a gap stands for a reading."""
    is_of_it = gap.device in {None, reading.device} and gap.tag in {None, reading.tag}
    return is_of_it and gap.from_us <= reading.ts_us < gap.to_us


def opened(bodies: Iterable[bytes]) -> Stored:
    """Return what is in these batches; each tag's numbers must ascend within a batch.

    Raises:
        AssertionError: They do not.
    """
    rows: list[tuple[int, Said]] = []
    gaps: list[Gap] = []
    for batch in map(wire.decode, bodies):
        names = [(tag.device, tag.name) for tag in batch.tags]
        columns = (batch.readings.tag.tolist(), batch.readings.ts.tolist(), batch.readings.value.tolist())
        last = dict.fromkeys(names, -1)
        for place, ts, value in zip(*columns, strict=True):
            assert int(value) > last[names[place]], f"batch {batch.header.id.seq}: {names[place]} is not in order"
            last[names[place]] = int(value)
            rows.append((int(value), Said(*names[place], ts)))
        gaps.extend(batch.gaps)
    return Stored(rows, gaps)
