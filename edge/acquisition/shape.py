"""From what a driver decoded to what is kept: time, scale, range, words, quality and report by exception; pure.

The station hands over a driver's block and gives what comes back to the buffer. Every rule acts on whole
columns. What it decides, in this order:

- Time. A source time of 0 means that the source gave none; one before 2015, or more than five minutes later than the
  reading was taken, comes from a clock that is not set, and is flagged. Both get the time at which the gateway took the
  reading. While the gateway's own clock is not set it judges no source's to be ahead.
- No number. A bad reading has no value, whatever the source repeats in it. A NaN or infinity that claims to
  be a value is bad, flagged and counted. A text has no number and is what it is.
- Words. A mapped tag keeps its raw number and gets its word as text; a number without a word stays, with
  quality uncertain and no text.
- Scale. Texts are not scaled. The exact digits of a big integer are dropped when it is scaled: they would
  be another value than the number beside them.
- Range. A value outside it is flagged, and kept, set to the limit, or called bad.
- Formulas. Computed tags take part from here on (edge.acquisition.derivation), with rules of their own.
- Doors. Of a point with a swinging door those are kept that straight lines do not tell (edge.acquisition.door).
- Exception. Of the others, what says nothing new is dropped (edge.acquisition.by_exception), unless every sample is
  wanted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.acquisition.by_exception import ExceptionFilter
from edge.acquisition.counters import Counters
from edge.acquisition.derivation import Derivation
from edge.acquisition.door import Doors
from edge.acquisition.rules import Rules
from edge.acquisition.text import clean
from edge.drivers.spec import TagOptions
from shared.reading import Flag, Quality, Readings, concatenate, empty
from shared.wire.batch import MAX_TIME_US

# 2015-01-01: clocks of PLCs that lost their battery count from 1970, 1980, 1984, 1990, 2000 or 2012
EARLIEST_US = 1_420_070_400_000_000
# how far a source's clock may be ahead; one that is an hour ahead has the wrong time zone
AHEAD_US = 300_000_000
_NOTHING = empty()


@dataclass(slots=True)
class Counts:
    """Readings so far: taken from the driver, kept, and of those taken how many were odd in which way."""

    taken: int = 0
    kept: int = 0
    not_finite: int = 0
    out_of_range: int = 0
    time_replaced: int = 0
    unmapped: int = 0
    counter_reset: int = 0


class Shaper:
    """Shapes one connection's readings; remembers the last one kept of each point."""

    def __init__(
        self,
        tags: Sequence[TagOptions],
        derivation: Derivation | None = None,
        *,
        is_clock_set: Callable[[], bool] = lambda: True,
    ) -> None:
        self._is_clock_set = is_clock_set
        self._rules = Rules.of(tags)
        self._filter = ExceptionFilter(self._rules)
        self._doors = Doors(self._rules)
        self._counters = Counters(self._rules)
        self._derivation = derivation or Derivation(())
        self.counts = Counts()
        self._look()
        # what was computed of the last block, new or not
        self.derived = _NOTHING

    def extend(self, tags: Sequence[TagOptions]) -> None:
        """Take more points, which stand behind those so far."""
        self._rules = self._rules.and_then(Rules.of(tags))
        self._filter.extend(self._rules)
        self._doors.extend(self._rules)
        self._counters.extend(self._rules)
        self._look()

    def _look(self) -> None:
        """See what no point has, so that no block is looked through for it."""
        rules = self._rules
        self._any_map, self._any_door = bool(rules.is_mapped.any()), bool(rules.has_door.any())
        self._any_counter, self._any_prompt = bool(rules.is_counter.any()), bool(rules.is_prompt.any())
        self._any_range = bool((np.isfinite(rules.low) | np.isfinite(rules.high)).any())

    def shape(self, readings: Readings, *, computes: bool = True) -> Readings:
        """Return the readings that are kept, as they are kept, in the order in which they came.

        Args:
            readings: As decoded.
            computes: Whether computed tags take part; values of the past are none of theirs.
        """
        shaped, word = self._converted(readings)
        self.derived = self._derivation.of(shaped) if computes and self._derivation.is_used else _NOTHING
        if len(self.derived):
            self.derived, its_word = self._converted(self.derived)
            shaped, word = concatenate([shaped, self.derived]), np.concatenate([word, its_word])
        if self._any_counter:
            self.counts.counter_reset += self._counters.resets(shaped, self._rules)
        self.counts.taken += len(readings)
        kept = self._kept(shaped, word)
        self.counts.kept += len(kept)
        return kept

    def _kept(self, shaped: Readings, word: NDArray[np.intp]) -> Readings:
        behind = self._rules.has_door[shaped.tag] if self._any_door else None
        if behind is None or not behind.any():
            rows = self._filter.keep(shaped)
            return self._with_words(shaped if len(rows) == len(shaped) else shaped.take(rows), word[rows])
        others = np.flatnonzero(~behind)
        rows = others[self._filter.keep(shaped.take(others))]
        # a point with a door has no words
        doors = self._doors.keep(shaped.take(np.flatnonzero(behind)))
        return concatenate([self._with_words(shaped.take(rows), word[rows]), doors])

    @property
    def can_wait(self) -> bool:
        """Whether any reading can be pending: taken, and neither kept nor dropped yet."""
        return self._any_door

    def overdue(self, now_us: int) -> Readings:
        """Return what has been pending for too long, to be kept."""
        return self._counted(self._doors.overdue(now_us))

    def flush(self) -> Readings:
        """Return all that is pending, to be kept: at a gap, and at the end."""
        return self._counted(self._doors.flush())

    def _counted(self, kept: Readings) -> Readings:
        self.counts.kept += len(kept)
        return kept

    def _converted(self, readings: Readings) -> tuple[Readings, NDArray[np.intp]]:
        """Return every reading as it would be kept, words apart, and the place of each one's word."""
        rules, tag = self._rules, readings.tag
        flags = readings.flags.copy()
        received = np.clip(readings.received, 0, MAX_TIME_US - 1)
        ts = self._time(readings.ts, received, flags)
        value, quality = self._value(readings, flags)
        word = self._words(tag, value, quality)
        with np.errstate(over="ignore"):
            value = value * rules.scale[tag] + rules.offset[tag]
        # a huge number times a large scale
        self._mark_not_finite(np.isinf(value), value, quality, flags)
        text = self._text(readings, value, quality, word)
        if self._any_range:
            self._judge_range(tag, value, quality, flags, text)
        return Readings(tag, ts, received, value, quality, flags, readings.status, text), word

    def _judge_range(
        self,
        tag: NDArray[np.uint32],
        value: NDArray[np.float64],
        quality: NDArray[np.uint8],
        flags: NDArray[np.uint8],
        text: dict[int, str],
    ) -> None:
        rules = self._rules
        outside = (value < rules.low[tag]) | (value > rules.high[tag])
        if not outside.any():
            return
        flags[outside] |= np.uint8(Flag.OUT_OF_RANGE)
        self.counts.out_of_range += int(outside.sum())
        clamped = outside & rules.clamps[tag]
        value[clamped] = np.clip(value, rules.low[tag], rules.high[tag])[clamped]
        refused = outside & rules.refuses[tag]
        value[refused] = np.nan
        quality[refused] = Quality.BAD
        # exact digits would be another value than the number beside them
        for row in np.flatnonzero(clamped | refused).tolist():
            text.pop(row, None)

    def step(self, delta_us: int) -> None:
        """The gateway's clock was set: what is remembered of when readings were taken moves with it."""
        self._filter.step(delta_us)
        self._doors.step(delta_us)

    def has_prompt(self, readings: Readings) -> bool:
        """Tell whether somebody waits for one of these to be on disk."""
        return self._any_prompt and bool(self._rules.is_prompt[readings.tag].any())

    def again(self, readings: Readings) -> Readings:
        """Shape readings that are kept though they say what was said before."""
        self._filter.forget(readings.tag)
        self._doors.forget(readings.tag)
        return self.shape(readings)

    def _time(self, ts: NDArray[np.int64], received: NDArray[np.int64], flags: NDArray[np.uint8]) -> NDArray[np.int64]:
        if not ts.any():
            # a protocol without time of its own
            return received
        implausible = (ts < EARLIEST_US) | (ts >= MAX_TIME_US)
        if self._is_clock_set():
            implausible |= ts > received + AHEAD_US
        if not implausible.any():
            return ts
        replaced = implausible & (ts != 0)
        flags[replaced] |= np.uint8(Flag.SOURCE_TIME_REPLACED)
        self.counts.time_replaced += int(replaced.sum())
        return np.where(implausible, received, ts)

    def _value(self, readings: Readings, flags: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        quality = readings.quality.copy()
        bad = quality == Quality.BAD
        value = np.where(bad, np.nan, readings.value)
        odd = ~bad & ~np.isfinite(value)
        if readings.text:
            odd[list(readings.text)] = False
        self._mark_not_finite(odd, value, quality, flags)
        return value, quality

    def _text(
        self, readings: Readings, value: NDArray[np.float64], quality: NDArray[np.uint8], word: NDArray[np.intp]
    ) -> dict[int, str]:
        """Return the driver's texts that are kept; a word goes before."""
        is_scaled = self._rules.is_scaled
        return {
            row: clean(text)
            for row, text in readings.text.items()
            if quality[row] != Quality.BAD
            and word[row] < 0
            and (np.isnan(value[row]) or not is_scaled[readings.tag[row]])
        }

    def _mark_not_finite(
        self, odd: NDArray[np.bool_], value: NDArray[np.float64], quality: NDArray[np.uint8], flags: NDArray[np.uint8]
    ) -> None:
        if odd.any():
            value[odd] = np.nan
            quality[odd] = Quality.BAD
            flags[odd] |= np.uint8(Flag.NOT_FINITE)
            self.counts.not_finite += int(odd.sum())

    def _words(self, tag: NDArray[np.uint32], raw: NDArray[np.float64], quality: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Return each row's place in the rules' words, -1 for none; a number without a word becomes uncertain."""
        if not self._any_map:
            return np.full(len(tag), -1, np.intp)
        word = self._rules.word_of(tag, raw)
        unmapped = self._rules.is_mapped[tag] & (word < 0) & ~np.isnan(raw)
        # it has a number, so it is not bad
        quality[unmapped] = Quality.UNCERTAIN
        self.counts.unmapped += int(unmapped.sum())
        return word

    def _with_words(self, kept: Readings, word: NDArray[np.intp]) -> Readings:
        # words are put in last: a mapped tag's word changes with its number, so the filter does without them
        rows = np.flatnonzero(word >= 0).tolist()
        if not rows:
            return kept
        words = {row: self._rules.words[place] for row, place in zip(rows, word[rows].tolist(), strict=True)}
        return replace(kept, text=dict(sorted({**kept.text, **words}.items())))
