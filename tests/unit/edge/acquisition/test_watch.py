from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.acquisition.watch import MOST_SKEWS, NO_COMMUNICATION, STALE, DeviceCondition, Watch, fit, worst_skews
from edge.drivers.spec import DeviceOptions, Point
from edge.ports import BEFORE_US
from shared.reading import Flag, Gap, GapCause, Quality, from_rows
from shared.wire.batch import MAX_TIME_US
from tests.fakes.driver import points

PLAN = points("a", "b") + points("c", device="press-2")


def test_of_several_readings_of_a_tag_the_last_one_counts() -> None:
    watch = Watch(PLAN, 5)
    watch.note(
        from_rows(
            [0, 0, 1], [0] * 3, [10, 20, 15], [1.0] * 3, [Quality.BAD, Quality.GOOD, Quality.UNCERTAIN], 0, [9, 0, 0]
        )
    )
    assert watch.conditions() == [
        DeviceCondition("press-1", 15, 2, 1, 1, 0, 9),
        DeviceCondition("press-2", None, 1, 0, 0, 0),
    ]


def test_the_code_of_the_last_bad_reading_is_kept_for_whoever_looks() -> None:
    watch = Watch(PLAN, 5)
    bad = Quality.BAD
    watch.note(from_rows([0, 1, 2], [0] * 3, 10, [np.nan] * 3, [bad, bad, Quality.GOOD], 0, [2, 11, 7]))
    watch.note(from_rows([0, 1], [0] * 2, 20, [1.0] * 2))
    assert [device.last_bad_status for device in watch.conditions()] == [11, None]


def test_each_device_is_missed_from_its_own_last_reading() -> None:
    watch = Watch(PLAN, 5)
    watch.note(from_rows([0], [0], 20, [1.0]))
    lost = watch.gaps(GapCause.COMMUNICATION_LOST, 50, "why")
    assert [(gap.device, gap.from_us, gap.to_us, gap.detail) for gap in lost] == [
        ("press-1", 20, 50, "why"),
        ("press-2", 5, 50, "why"),
    ]
    watch.account(50)
    assert [gap.from_us for gap in watch.gaps(GapCause.COMMUNICATION_LOST, 60, "")] == [50, 50]


def test_what_may_have_been_on_its_way_is_missed_too() -> None:
    watch = Watch(PLAN, 1000, delivery_us=250)
    assert [gap.from_us for gap in watch.gaps(GapCause.GATEWAY_DOWN, 2000, "")] == [750, 750]


def test_a_loss_is_a_bad_reading_without_value_for_every_point() -> None:
    watch = Watch(PLAN, 5)
    watch.note(from_rows([0, 1, 2], [0] * 3, 10, [1.0] * 3))
    lost = watch.lose(77)
    assert lost.tag.tolist() == [0, 1, 2]
    assert np.isnan(lost.value).all()
    assert set(lost.quality.tolist()) == {Quality.BAD}
    assert set(lost.status.tolist()) == {NO_COMMUNICATION}
    assert lost.received.tolist() == [77] * 3
    assert [(device.good, device.bad, device.last_received_us) for device in watch.conditions()] == [
        (0, 2, 10),
        (0, 1, 10),
    ]


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62), st.text(max_size=600))
def test_every_gap_comes_out_fit_for_the_wire(from_us: int, to_us: int, detail: str) -> None:
    gap = fit(Gap(GapCause.OVERFLOW, from_us, to_us, "d", "t", detail))
    assert 0 <= gap.from_us < gap.to_us < MAX_TIME_US
    assert len(gap.detail) <= 500
    assert gap.detail.isprintable()
    if 0 <= from_us < to_us < MAX_TIME_US:
        assert (gap.from_us, gap.to_us) == (from_us, to_us)


class Kept(DeviceOptions):
    @property
    def is_kept_by_source(self) -> bool:
        return True


class Afresh(DeviceOptions):
    @property
    def begins_afresh(self) -> bool:
        return True


def of(options: type[DeviceOptions], *names: str) -> list[Point]:
    return [replace(point, device_options=options(name=point.device, on="line")) for point in points(*names)]


def test_a_device_whose_source_keeps_what_we_miss_gets_no_gap_while_somebody_will_see_whether_it_did() -> None:
    watch = Watch([*of(Kept, "a"), *points("b", device="press-2")], 5)
    assert [gap.device for gap in watch.gaps(GapCause.COMMUNICATION_LOST, 50, "")] == ["press-2"]
    assert [gap.device for gap in watch.gaps(GapCause.COMMUNICATION_LOST, 50, "", is_last=True)] == [
        "press-1",
        "press-2",
    ]


def test_a_gap_from_before_the_drivers_life_begins_where_the_device_is_no_longer_accounted_for() -> None:
    watch = Watch(of(Kept, "a"), 1000, delivery_us=250)
    watch.account(2000)
    gap = Gap(GapCause.BROKER_SESSION_LOST, BEFORE_US, 3000, "press-1")
    assert watch.placed(gap).from_us == 750
    known = replace(gap, from_us=2500)
    assert watch.placed(known) == known


def test_a_value_that_is_older_than_the_loss_is_stated_again_at_the_time_of_the_session() -> None:
    watch = Watch(of(Afresh, "a", "b", "c"), 5)
    watch.lose(100)
    bad = Quality.BAD
    told = from_rows([0, 0, 1, 2], [40, 50, 120, 60], 130, [1.0, 2.0, 3.0, np.nan], [0, 0, 0, bad])
    again = watch.restated(told, 110)
    assert (again.tag.tolist(), again.value.tolist(), again.ts.tolist(), again.received.tolist()) == (
        [0],
        [2.0],
        [110],
        [130],
    )
    assert again.flags.tolist() == [Flag.SOURCE_TIME_REPLACED]
    assert not len(watch.restated(told, 110)), "once"
    back = watch.restated(from_rows([2], [60], 140, [4.0]), 110)
    assert (back.tag.tolist(), back.ts.tolist()) == ([2], [110])


def test_a_point_that_this_gateway_called_bad_within_a_session_is_stated_again_when_it_comes() -> None:
    watch = Watch(of(Afresh, "a"), 5)
    watch.note(from_rows([0], [0], 200, [np.nan], Quality.BAD))
    assert watch.restated(from_rows([0], [40], 230, [1.0]), 110).ts.tolist() == [230]


def test_a_source_that_repeats_what_it_kept_is_not_taken_for_how_things_are() -> None:
    watch = Watch(points("a"), 5)
    watch.lose(100)
    assert not len(watch.restated(from_rows([0], [40], 130, [1.0]), 110))


def test_a_silent_point_is_stale_once_and_only_if_it_ever_spoke() -> None:
    plan = [*points("a", "b", stale_after="3s"), *points("c")]
    watch = Watch(plan, 5)
    assert watch.can_go_stale
    assert not Watch(points("c"), 5).can_go_stale
    watch.note(from_rows([0, 2], [0, 0], 1_000_000, [1.0, 1.0]))
    assert len(watch.stale(4_000_000)) == 0
    stale = watch.stale(4_000_001)
    assert (stale.tag.tolist(), stale.quality.tolist(), stale.status.tolist()) == ([0], [Quality.BAD], [STALE])
    assert np.isnan(stale.value).all()
    assert len(watch.stale(9_000_000)) == 0
    watch.note(from_rows([0], [0], 10_000_000, [1.0]))
    assert watch.stale(14_000_000).tag.tolist() == [0]


def test_who_has_nothing_new_to_say_is_not_silent() -> None:
    watch = Watch(points("a", "b", stale_after="3s"), 5)
    watch.note(from_rows([0], [0], 1_000_000, [1.0]))
    watch.hear(4_000_000)
    assert len(watch.stale(6_000_000)) == 0
    assert watch.stale(7_000_001).tag.tolist() == [0]


def test_a_lost_session_is_told_bad_once_and_not_stale_again() -> None:
    watch = Watch(points("a", stale_after="3s"), 5)
    watch.note(from_rows([0], [0], 1_000_000, [1.0]))
    watch.lose(2_000_000)
    assert len(watch.stale(9_000_000)) == 0


def test_a_retained_message_is_no_sign_of_life_but_its_value_may_be_shown_for_a_while() -> None:
    watch = Watch(points("a", "b", stale_after="3s"), 5)

    def come(tag: int, at_us: int, flags: int) -> None:
        watch.note(from_rows([tag], [0], at_us, [1.0], Quality.GOOD, flags))

    come(0, 1_000_000, Flag.RETAINED)
    come(0, 3_000_000, Flag.RETAINED)
    come(1, 1_000_000, Flag.RETAINED)
    come(1, 3_000_000, 0)
    assert watch.stale(4_000_001).tag.tolist() == [0], "its source was not heard; the other one's was"
    watch.lose(5_000_000)
    come(0, 9_000_000, Flag.RETAINED)
    assert len(watch.stale(12_000_000)) == 0, "it may have been published while the session was lost"
    assert watch.stale(12_000_001).tag.tolist() == [0]


def test_the_clocks_that_are_off_by_most_are_told_of_those_that_tell_their_time() -> None:
    def condition(name: str, skew_s: float | None) -> DeviceCondition:
        skew_us = None if skew_s is None else round(skew_s * 1e6)
        return DeviceCondition(name, None, 1, 1, 0, 0, clock_skew_us=skew_us)

    many = [condition(f"d{n}", n) for n in range(MOST_SKEWS)]
    told = worst_skews([[condition("silent", None), condition("behind", -7200.0004)], many])
    assert len(told) == MOST_SKEWS
    assert told["behind"] == -7200.0
    assert "d0" not in told
