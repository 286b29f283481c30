"""Computed tags against a reference that looks at one reading after the other."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.acquisition.derivation import Derivation
from edge.acquisition.shape import Shaper
from edge.drivers.spec import ComputedTag, DeviceOptions, Point, TagOptions
from shared.reading import Flag, Quality, Readings, concatenate, from_rows

NOW = 1_800_000_000_000_000
PLACE = DeviceOptions(name="meter", on="line")
OTHER = DeviceOptions(name="other", on="line")
INPUTS = [Point(PLACE.name, name, 1.0, PLACE, TagOptions()) for name in ("volts", "amps", "rest")]
# the same names on another device are other tags
INPUTS += [Point(OTHER.name, "volts", 1.0, OTHER, TagOptions())]
NAN = math.nan


def points(*formulas: str | dict[str, object]) -> list[Point]:
    computed = [ComputedTag.model_validate(formula) for formula in formulas]
    return [*INPUTS, *(Point(PLACE.name, f"c{n}", 1.0, PLACE, tag) for n, tag in enumerate(computed))]


def shaper(*formulas: str | dict[str, object]) -> Shaper:
    plan = points(*formulas)
    return Shaper([point.options for point in plan], Derivation(plan))


def computed(shaped: Readings, place: int = 4) -> list[tuple[float, int]]:
    rows = shaped.tag == place
    return list(zip(shaped.value[rows].tolist(), shaped.quality[rows].tolist(), strict=True))


def block(*rows: tuple[int, float], at: int = NOW, quality: int = 0) -> Readings:
    tags, values = zip(*rows, strict=True)
    return from_rows(tags, [0] * len(rows), at, values, quality)


def test_what_comes_together_counts_together_and_nothing_is_said_before_all_have_spoken() -> None:
    power = shaper("volts * amps / 1000")
    assert computed(power.shape(block((0, 230.0)))) == []
    assert computed(power.shape(block((1, 10.0), (2, 5.0)))) == [(2.3, 0)]
    assert computed(power.shape(block((0, 400.0), (1, 5.0), at=NOW + 1))) == [(2.0, 0)]
    # the same again is nothing new, and other tags are none of its inputs
    assert computed(power.shape(block((0, 400.0), (3, 7.0), at=NOW + 2))) == []


def test_its_quality_is_the_worst_of_its_inputs_with_that_ones_code_and_its_time_the_latest() -> None:
    both = shaper("volts + amps")
    both.shape(from_rows([0, 1], [NOW - 5, NOW - 9], NOW, [1.0, 2.0]))
    bad = both.shape(from_rows([1], [NOW - 3], NOW + 1, [NAN], Quality.BAD, 0, 0x80310000))
    row = np.flatnonzero(bad.tag == 4)[0]
    assert math.isnan(bad.value[row])
    assert (bad.quality[row], bad.status[row], bad.ts[row]) == (Quality.BAD, 0x80310000, NOW - 3)
    doubtful = both.shape(from_rows([1, 0], [NOW, NOW], NOW + 2, [2.0, 3.0], [0, 1]))
    assert computed(doubtful) == [(5.0, Quality.UNCERTAIN)]


def test_a_division_by_zero_and_a_text_are_bad_and_flagged() -> None:
    ratio = shaper("volts / amps")
    shaped = ratio.shape(block((0, 1.0), (1, 0.0)))
    assert shaped.flags[shaped.tag == 4].tolist() == [Flag.NOT_FINITE]
    assert computed(shaped)[0][1] == Quality.BAD
    text = ratio.shape(from_rows([1], [0], NOW + 1, [NAN], text={0: "off"}))
    assert computed(text) == [], "bad already"
    assert ratio.counts.not_finite == 2


def test_a_computed_tag_has_rules_of_its_own() -> None:
    rules = shaper({"of": "volts * 2", "scale": 10.0, "range": [0, 100], "out_of_range": "clamp", "deadband": 5.0})
    kept = [computed(rules.shape(block((0, value), at=NOW + n))) for n, value in enumerate((1.0, 1.1, 2.0, 9.0))]
    assert kept == [[(20.0, 0)], [], [(40.0, 0)], [(100.0, 0)]]


def test_values_of_the_past_take_no_part() -> None:
    power = shaper("volts * 2")
    assert computed(power.shape(block((0, 1.0)), computes=False)) == []
    assert len(power.derived) == 0


def test_points_found_later_stand_behind_the_computed_ones() -> None:
    power = shaper("volts * 2")
    power.extend([TagOptions()])
    shaped = power.shape(block((0, 1.0), (5, 7.0)))
    assert shaped.tag.tolist() == [0, 5, 4]


rows = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, -2.5, 4.0]), st.sampled_from([0, 0, 0, 1, 2])), max_size=6
)


@settings(max_examples=200, deadline=None)
@given(st.lists(rows, max_size=8))
def test_blocks_are_computed_as_if_their_last_values_were_all(blocks: list[list[tuple[int, float, int]]]) -> None:
    derivation = Derivation(points("volts / amps", "rest - volts"))
    last: dict[int, tuple[float, int]] = {}
    for number, given_rows in enumerate(blocks):
        tags, values, qualities = zip(*given_rows, strict=True) if given_rows else ((), (), ())
        values = [NAN if quality == 2 else value for value, quality in zip(values, qualities, strict=True)]
        found = derivation.of(from_rows(tags, [NOW + number] * len(tags), NOW + number, values, qualities))
        for tag, value, quality in zip(tags, values, qualities, strict=True):
            last[tag] = value, quality
        expected = []
        for place, (left, right) in ((4, (0, 1)), (5, (2, 0))):
            if {left, right} & set(tags) and {left, right} <= last.keys():
                worst = max(last[left][1], last[right][1])
                expected.append((place, worst))
        assert list(zip(found.tag.tolist(), found.quality.tolist(), strict=True)) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(rows.filter(bool), min_size=1, max_size=6))
def test_how_readings_are_cut_between_times_makes_no_difference(blocks: list[list[tuple[int, float, int]]]) -> None:
    made = [
        from_rows([r[0] for r in b], [NOW + n] * len(b), [NOW + n] * len(b), [r[1] for r in b], [r[2] for r in b])
        for n, b in enumerate(blocks)
    ]
    derivation = Derivation(points("volts + amps"))
    parts = concatenate([derivation.of(one) for one in made])
    whole = Derivation(points("volts + amps")).of(concatenate(made))
    for column in ("tag", "ts", "received", "quality", "status"):
        assert getattr(parts, column).tolist() == getattr(whole, column).tolist()
    assert np.array_equal(parts.value, whole.value, equal_nan=True)
