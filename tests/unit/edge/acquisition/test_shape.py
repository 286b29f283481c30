"""Shaping against a reference that handles one reading after the other, as the module's docstring says it."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.acquisition.rules import deadband
from edge.acquisition.shape import AHEAD_US, EARLIEST_US, Shaper
from edge.acquisition.text import clean
from edge.drivers.spec import TagOptions
from shared.reading import Flag, Quality, Readings, concatenate, from_rows
from shared.wire.batch import MAX_TIME_US

NOW = 1_800_000_000_000_000
NAN, INF = math.nan, math.inf


@dataclass
class Row:
    tag: int
    ts: int = 0
    received: int = NOW
    value: float = NAN
    quality: int = 0
    flags: int = 0
    status: int = 0
    text: str | None = None

    def key(self) -> tuple[object, ...]:
        return (self.tag, self.ts, self.received, repr(self.value), self.quality, self.flags, self.status, self.text)


def block(rows: list[Row]) -> Readings:
    return from_rows(
        [row.tag for row in rows],
        [row.ts for row in rows],
        [row.received for row in rows],
        [row.value for row in rows],
        [row.quality for row in rows],
        [row.flags for row in rows],
        [row.status for row in rows],
        {at: row.text for at, row in enumerate(rows) if row.text is not None},
    )


def rows_of(readings: Readings) -> list[Row]:
    columns = (
        readings.tag,
        readings.ts,
        readings.received,
        readings.value,
        readings.quality,
        readings.flags,
        readings.status,
    )
    return [
        Row(*row, readings.text.get(at))
        for at, row in enumerate(zip(*(column.tolist() for column in columns), strict=True))
    ]


@dataclass
class Reference:
    """The same rules for one reading at a time."""

    tags: list[TagOptions]
    last: dict[int, Row] = field(default_factory=dict)

    def shape(self, rows: list[Row]) -> list[Row]:
        shaped = [self._one(row) for row in rows]
        return [row for row in shaped if self._is_kept(row)]

    def _one(self, row: Row) -> Row:
        options = self.tags[row.tag]
        received, flags, quality, value, text = row.received, row.flags, row.quality, row.value, row.text
        ts = row.ts
        if not EARLIEST_US <= ts < min(MAX_TIME_US, received + AHEAD_US + 1):
            flags |= Flag.SOURCE_TIME_REPLACED if ts != 0 else 0
            ts = received
        if quality == Quality.BAD:
            value, text = NAN, None
        elif not math.isfinite(value) and (text is None or math.isinf(value)):
            value, quality, flags, text = NAN, Quality.BAD, flags | Flag.NOT_FINITE, None
        word = None
        if options.map is not None and not math.isnan(value):
            word = options.map.get(int(value)) if value.is_integer() else None
            if word is None:
                quality = max(quality, Quality.UNCERTAIN)
        is_scaled = options.scale != 1 or options.offset != 0
        if not math.isnan(value):
            value = value * options.scale + options.offset
            text = None if is_scaled else text
        if math.isinf(value):
            value, quality, flags, text = NAN, Quality.BAD, flags | Flag.NOT_FINITE, None
        if options.range is not None and not math.isnan(value) and not options.range[0] <= value <= options.range[1]:
            flags |= Flag.OUT_OF_RANGE
        text = word if word is not None else None if text is None else clean(text)
        return Row(row.tag, ts, received, value, int(quality), int(flags), row.status, text)

    def _is_kept(self, row: Row) -> bool:
        options, last = self.tags[row.tag], self.last.get(row.tag)
        assert options.publish is not None
        is_kept = options.publish.on == "sample" or last is None or self._is_news(row, last, options)
        if is_kept:
            self.last[row.tag] = row
        return is_kept

    @staticmethod
    def _is_news(row: Row, last: Row, options: TagOptions) -> bool:
        assert options.publish is not None
        if (row.quality, row.status, row.text) != (last.quality, last.status, last.text):
            return True
        if math.isnan(row.value) != math.isnan(last.value):
            return True
        if row.value != last.value and abs(row.value - last.value) >= deadband(options) * (1 - 1e-9):
            return True
        heartbeat, since = options.publish.heartbeat, row.received - last.received
        return heartbeat is not None and (since < 0 or since >= round(heartbeat * 1e6))


publishes = st.fixed_dictionaries(
    {"on": st.sampled_from(["change", "change", "sample"])},
    optional={"heartbeat": st.sampled_from(["3us", "1ms", "1h"])},
)
tag_options = st.one_of(
    st.fixed_dictionaries(
        {"publish": publishes},
        optional={
            "scale": st.sampled_from([1, -2, 0.1, 1e300]),
            "offset": st.sampled_from([0, 0.5]),
            "range": st.just([-2, 3]),
            "deadband": st.sampled_from([0, 0.1, 1, "10%", 2]),
        },
    ),
    st.fixed_dictionaries({"publish": publishes, "map": st.just({-1: "minus", 0: "off", 1: "producing"})}),
).map(lambda options: {**options, "range": [-2, 3]} if options.get("deadband") == "10%" else options)
values = st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.0, 0.1, 0.2, 0.3, -1.0, 2.5, 7.0, 1e300, -1e308]) | st.floats()
rows = st.builds(
    Row,
    tag=st.integers(0, 3),
    ts=st.sampled_from([0, 1, -5, EARLIEST_US - 1, EARLIEST_US, NOW, NOW + AHEAD_US + 3, MAX_TIME_US, 2**62]),
    received=st.integers(NOW, NOW + 6),
    value=values,
    quality=st.sampled_from([0, 0, 0, 1, 2]),
    flags=st.sampled_from([0, 0, int(Flag.RETAINED)]),
    status=st.sampled_from([0, 0, 7]),
    text=st.sampled_from([None, None, None, "a", "b", "", "x\0y", "\ud800", "9007199254740993"]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(tag_options, min_size=4, max_size=4), st.lists(st.lists(rows, max_size=12), max_size=4))
def test_blocks_are_shaped_as_if_each_reading_came_alone(options: list[dict], blocks: list[list[Row]]) -> None:
    tags = [TagOptions.model_validate(option) for option in options]
    shaper, reference = Shaper(tags), Reference(tags)
    for given_rows in blocks:
        kept = rows_of(shaper.shape(block(given_rows)))
        assert [row.key() for row in kept] == [row.key() for row in reference.shape(given_rows)]
    assert shaper.counts.taken == sum(map(len, blocks))


@settings(max_examples=100, deadline=None)
@given(st.lists(tag_options, min_size=4, max_size=4), st.lists(rows, max_size=30), st.integers(1, 30))
def test_how_readings_are_cut_into_blocks_makes_no_difference(
    options: list[dict], given_rows: list[Row], cut: int
) -> None:
    tags = [TagOptions.model_validate(option) for option in options]
    whole = Shaper(tags).shape(block(given_rows))
    parts = Shaper(tags)
    pieces = [parts.shape(block(given_rows[at : at + cut])) for at in range(0, len(given_rows), cut)]
    assert [row.key() for row in rows_of(concatenate(pieces))] == [row.key() for row in rows_of(whole)]


@given(st.lists(tag_options, min_size=4, max_size=4), st.lists(rows, max_size=30))
def test_every_sample_is_kept_where_every_sample_is_wanted(options: list[dict], given_rows: list[Row]) -> None:
    tags = [TagOptions.model_validate({**option, "publish": {"on": "sample"}}) for option in options]
    assert Shaper(tags).shape(block(given_rows)).tag.tolist() == [row.tag for row in given_rows]


@given(st.lists(rows, max_size=12))
def test_a_drivers_block_is_left_as_it_was(given_rows: list[Row]) -> None:
    tags = [TagOptions.model_validate({"scale": 2, "range": [0, 1]})] * 4
    raw = block(given_rows)
    Shaper(tags).shape(raw)
    assert [row.key() for row in rows_of(raw)] == [row.key() for row in given_rows]


def one(options: dict, *given_rows: Row) -> list[Row]:
    return rows_of(Shaper([TagOptions.model_validate(options)]).shape(block(list(given_rows))))


def test_a_bad_reading_has_no_value_whatever_the_source_repeats() -> None:
    (row,) = one({}, Row(0, value=5.0, quality=Quality.BAD, status=0x80000000, text="5"))
    assert math.isnan(row.value)
    assert (row.quality, row.flags, row.status, row.text) == (Quality.BAD, 0, 0x80000000, None)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_no_number_is_bad_flagged_and_counted(value: float) -> None:
    shaper = Shaper([TagOptions()])
    (row,) = rows_of(shaper.shape(block([Row(0, value=value)])))
    assert math.isnan(row.value)
    assert (row.quality, row.flags) == (Quality.BAD, Flag.NOT_FINITE)
    assert shaper.counts.not_finite == 1


def test_a_value_outside_its_range_is_kept_and_flagged() -> None:
    inside, outside = one({"range": [0, 10], "scale": 2}, Row(0, value=5.0), Row(0, value=5.5))
    assert (inside.value, inside.flags) == (10.0, 0)
    assert (outside.value, outside.flags, outside.quality) == (11.0, Flag.OUT_OF_RANGE, Quality.GOOD)


def test_a_mapped_number_keeps_its_number_beside_its_word() -> None:
    known, unknown, broken = one({"map": {2: "producing"}}, Row(0, value=2.0), Row(0, value=3.0), Row(0, value=2.5))
    assert (known.value, known.text, known.quality) == (2.0, "producing", Quality.GOOD)
    assert (unknown.value, unknown.text, unknown.quality) == (3.0, None, Quality.UNCERTAIN)
    assert (broken.value, broken.text, broken.quality) == (2.5, None, Quality.UNCERTAIN)


def test_the_digits_of_a_big_integer_do_not_outlive_its_scaling() -> None:
    big = Row(0, value=2.0**53, text="9007199254740993")
    assert one({}, big)[0].text == "9007199254740993"
    assert one({"scale": 0.5}, big)[0].text is None
    assert one({"scale": 0.5}, Row(0, text="words"))[0].text == "words"


def test_a_step_of_exactly_the_deadband_is_kept_although_floats_round() -> None:
    steps = [Row(0, value=value) for value in (0.2, 0.3, 0.4, 0.45)]
    assert 0.3 - 0.2 < 0.1
    assert [row.value for row in one({"deadband": 0.1}, *steps)] == [0.2, 0.3, 0.4]


def test_a_slow_drift_is_measured_from_the_last_kept_value() -> None:
    kept = one({"deadband": 1.0}, *(Row(0, value=at / 4) for at in range(13)))
    assert [row.value for row in kept] == [0.0, 1.0, 2.0, 3.0]


def test_a_clock_set_back_does_not_silence_the_heartbeat() -> None:
    options = {"publish": {"on": "change", "heartbeat": "1min"}}
    kept = one(
        options, Row(0, value=1.0), Row(0, value=1.0, received=NOW - 86_400_000_000), Row(0, value=1.0, received=NOW)
    )
    assert len(kept) == 3


@pytest.mark.parametrize(
    ("ts", "expected", "flags"),
    [
        (0, NOW, 0),
        (EARLIEST_US, EARLIEST_US, 0),
        (EARLIEST_US - 1, NOW, Flag.SOURCE_TIME_REPLACED),
        (MAX_TIME_US, NOW, Flag.SOURCE_TIME_REPLACED),
        # a PLC that lost its battery and counts from 2000 on, and one that takes local time for UTC
        (946_684_800_000_000 + 3_600_000_000, NOW, Flag.SOURCE_TIME_REPLACED),
        (NOW + 3 * 3_600_000_000, NOW, Flag.SOURCE_TIME_REPLACED),
        (NOW + AHEAD_US, NOW + AHEAD_US, 0),
        (NOW - 3 * 3_600_000_000, NOW - 3 * 3_600_000_000, 0),
        (-1, NOW, Flag.SOURCE_TIME_REPLACED),
    ],
)
def test_a_source_time_that_cannot_be_true_gives_way_to_the_gateways(ts: int, expected: int, flags: int) -> None:
    (row,) = one({}, Row(0, ts=ts, value=1.0))
    assert (row.ts, row.flags) == (expected, flags)


def test_a_gateway_whose_clock_is_not_set_calls_no_source_ahead() -> None:
    shaper = Shaper([TagOptions()], is_clock_set=lambda: False)
    assert rows_of(shaper.shape(block([Row(0, ts=NOW + 2 * AHEAD_US, value=1.0)])))[0].ts == NOW + 2 * AHEAD_US


def test_a_clock_that_was_set_neither_hastens_nor_holds_up_the_heartbeat() -> None:
    shaper = Shaper([TagOptions.model_validate({"publish": {"on": "change", "heartbeat": "1min"}})])
    assert len(shaper.shape(block([Row(0, value=1.0)]))) == 1
    for hours in (24, -48):
        shaper.step(hours * 3_600_000_000)
        now = NOW + (24 if hours > 0 else -24) * 3_600_000_000
        assert len(shaper.shape(block([Row(0, value=1.0, received=now + 59_000_000)]))) == 0
        assert len(shaper.shape(block([Row(0, value=1.0, received=now + 60_000_000)]))) == 1
        shaper.step(-60_000_000)


def test_a_gateway_clock_beyond_all_times_still_makes_a_reading_that_the_wire_takes() -> None:
    early, late = one({}, Row(0, received=-5, value=1.0), Row(0, received=2**62, value=2.0))
    assert (early.ts, early.received) == (0, 0)
    assert (late.ts, late.received) == (MAX_TIME_US - 1, MAX_TIME_US - 1)


def test_a_text_that_goes_while_the_number_stays_is_news() -> None:
    tags = [TagOptions()]
    shaper = Shaper(tags)
    big = Row(0, value=2.0**53, text="9007199254740993")
    assert len(shaper.shape(block([big]))) == 1
    assert len(shaper.shape(block([Row(0, value=2.0**53)]))) == 1
    assert len(shaper.shape(block([Row(0, value=2.0**53)]))) == 0


def test_a_number_that_goes_while_the_text_stays_is_news() -> None:
    assert len(one({}, Row(0, value=1.0, text="1"), Row(0, text="1"), Row(0, text="1"))) == 2


def test_texts_come_out_in_the_order_of_their_rows() -> None:
    tags = [TagOptions.model_validate({"map": {1: "on"}}), TagOptions()]
    shaped = Shaper(tags).shape(
        block([Row(0, value=1.0), Row(1, text="b"), Row(0, value=1.0), Row(0, value=2.0), Row(1, text="c")])
    )
    assert list(shaped.text.items()) == [(0, "on"), (1, "b"), (3, "c")]
    assert shaped.tag.dtype == np.uint32


def test_a_value_outside_its_range_is_clamped_or_refused_where_that_is_wanted() -> None:
    clamped = one(
        {"range": [0, 10], "out_of_range": "clamp"}, Row(0, value=5.0), Row(0, value=99.0), Row(0, value=-1.0)
    )
    assert [(row.value, row.flags, row.quality) for row in clamped] == [
        (5.0, 0, Quality.GOOD),
        (10.0, Flag.OUT_OF_RANGE, Quality.GOOD),
        (0.0, Flag.OUT_OF_RANGE, Quality.GOOD),
    ]
    (refused,) = one({"range": [0, 10], "out_of_range": "bad"}, Row(0, value=99.0))
    assert math.isnan(refused.value)
    assert (refused.flags, refused.quality) == (Flag.OUT_OF_RANGE, Quality.BAD)


def test_the_digits_of_a_big_integer_do_not_outlive_its_clamping() -> None:
    big = Row(0, value=2.0**53, text="9007199254740993")
    (row,) = one({"range": [0, 10], "out_of_range": "clamp"}, big)
    assert (row.value, row.text) == (10.0, None)
