"""How each point of a connection is shaped, as arrays with one place a point; pure.

The options of the configuration stand one beside the other here, so that a block of readings is shaped
by indexing, never reading by reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge.drivers.spec import PublishOptions, TagClass, TagOptions

# no heartbeat: longer than any clock runs
NEVER_US = np.iinfo(np.int64).max
# 0.3 - 0.2 is a little less than 0.1: a step of exactly the deadband must count as one
_ROUNDING = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Rules:
    """The options of n points, shape (n,) each.

    Attributes:
        scale, offset: kept value = raw x scale + offset.
        is_scaled: Whether that changes anything.
        low, high: Plausible range after scaling; infinite where there is none.
        clamps, refuses: What becomes of a value outside it, beside its flag: the limit instead, or nothing and bad.
        every_sample: Keep each reading, changed or not.
        deadband: Smallest change worth keeping, after scaling; 0 for any change.
        heartbeat_us: Longest time without a kept reading.
        has_door, deviation, longest_us: Compressed by a swinging door, how far off that may be, after scaling, and how
            long a reading may wait, of the source's time or the gateway's.
        is_prompt: Of class `state`: somebody waits for it to be on disk.
        is_counter, rollover: A cumulative count, and how far it counts after scaling; infinite if it only ever resets.
        is_mapped: Whether a word stands for the value.
        codes: All (point, raw number) pairs that have a word, as point + number x 1j, sorted.
        words: Their words.
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    is_scaled: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    clamps: NDArray[np.bool_]
    refuses: NDArray[np.bool_]
    every_sample: NDArray[np.bool_]
    deadband: NDArray[np.float64]
    heartbeat_us: NDArray[np.int64]
    has_door: NDArray[np.bool_]
    deviation: NDArray[np.float64]
    longest_us: NDArray[np.int64]
    is_prompt: NDArray[np.bool_]
    is_counter: NDArray[np.bool_]
    rollover: NDArray[np.float64]
    is_mapped: NDArray[np.bool_]
    codes: NDArray[np.complex128]
    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scale)

    @classmethod
    def of(cls, tags: Sequence[TagOptions]) -> Self:
        """Lay options out as arrays; `publish` absent means the model's own default."""
        publish = [tag.publish or PublishOptions() for tag in tags]
        scale = np.array([tag.scale for tag in tags], np.float64)
        offset = np.array([tag.offset for tag in tags], np.float64)
        ranges = [tag.range or (-np.inf, np.inf) for tag in tags]
        mapped = sorted((point, code, word) for point, tag in enumerate(tags) for code, word in (tag.map or {}).items())
        return cls(
            scale=scale,
            offset=offset,
            is_scaled=(scale != 1.0) | (offset != 0.0),
            low=np.array([low for low, _ in ranges], np.float64),
            high=np.array([high for _, high in ranges], np.float64),
            clamps=np.array([tag.out_of_range == "clamp" for tag in tags], np.bool_),
            refuses=np.array([tag.out_of_range == "bad" for tag in tags], np.bool_),
            every_sample=np.array([rule.on == "sample" for rule in publish], np.bool_),
            deadband=np.array([deadband(tag) * _ROUNDING for tag in tags], np.float64),
            heartbeat_us=np.array(
                [NEVER_US if rule.heartbeat is None else round(rule.heartbeat * 1e6) for rule in publish], np.int64
            ),
            has_door=np.array([tag.compress is not None for tag in tags], np.bool_),
            deviation=np.array(
                [_share(tag, tag.compress.deviation if tag.compress else None) for tag in tags], np.float64
            ),
            longest_us=np.array(
                [NEVER_US if tag.compress is None else round(tag.compress.max_interval * 1e6) for tag in tags], np.int64
            ),
            is_prompt=np.array([tag.lane is TagClass.STATE for tag in tags], np.bool_),
            is_counter=np.array([tag.counter is not None for tag in tags], np.bool_),
            rollover=np.array([_rollover(tag) for tag in tags], np.float64),
            is_mapped=np.array([tag.map is not None for tag in tags], np.bool_),
            codes=np.array([complex(point, code) for point, code, _ in mapped], np.complex128),
            words=tuple(word for _, _, word in mapped),
        )

    def and_then(self, more: Self) -> Self:
        """Return these points' rules with those of more points behind them."""
        columns = {
            field.name: np.concatenate((getattr(self, field.name), getattr(more, field.name)))
            for field in fields(self)
            if field.name not in {"codes", "words"}
        }
        # a code names its point by its place
        codes = np.concatenate((self.codes, more.codes + len(self)))
        return type(self)(**columns, codes=codes, words=self.words + more.words)

    def word_of(self, tag: NDArray[np.uint32], raw: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the place in `words` of each row's word, -1 where its number has none."""
        if not len(self.codes):
            return np.full(len(tag), -1, np.intp)
        # numpy orders complex numbers by real, then imaginary part: one search finds a (point, number) pair
        wanted = tag + 1j * np.where(np.isfinite(raw), raw, 0.5)
        place = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
        return np.where(self.codes[place] == wanted, place, -1)


def _rollover(tag: TagOptions) -> float:
    if tag.counter is None or tag.counter.rollover is None:
        return np.inf
    return tag.counter.rollover * tag.scale


def deadband(tag: TagOptions) -> float:
    """Return a tag's deadband as a number, a percentage taken of its range; 0 for none."""
    return _share(tag, tag.deadband)


def _share(tag: TagOptions, amount: float | str | None) -> float:
    if isinstance(amount, str):
        low, high = tag.range or (0.0, 0.0)
        return float(amount.rstrip(" %")) / 100 * (high - low)
    return amount or 0.0
