import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.acquisition.watch import NO_COMMUNICATION, DeviceCondition, Watch, fit
from shared.reading import Gap, GapCause, Quality, from_rows
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
