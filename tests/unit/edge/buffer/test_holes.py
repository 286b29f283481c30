"""The buffer's own gaps can always be sent, whatever the clock or a damaged row says."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from edge.buffer import holes
from shared.reading import GapCause, empty
from shared.wire import batch as wire

times = st.integers(-(2**70), 2**70)
anything = st.one_of(times, st.none(), st.binary(max_size=3), st.floats())


def can_travel(gap: object) -> bool:
    return bool(wire.encode(wire.BatchId("g", UUID(int=1), 1), 1, [], empty(), [gap]))  # type: ignore[list-item]


@given(times, times, st.booleans())
def test_being_down_can_always_be_told(alive_us: int, now_us: int, is_stopped: bool) -> None:
    gap = holes.gateway_down(alive_us, now_us, is_stopped=is_stopped)
    assert gap.from_us < gap.to_us
    assert can_travel(gap)


@given(anything, anything, st.integers(0, 2**52), st.text(max_size=700))
def test_a_loss_can_always_be_told(oldest: object, newest: object, now_us: int, detail: str) -> None:
    gap = holes.lost(GapCause.BUFFER_DAMAGED, oldest, newest, now_us, detail)
    assert gap.from_us < gap.to_us
    assert can_travel(gap)


def test_the_hole_reaches_from_the_last_sign_of_life_to_the_start() -> None:
    gap = holes.gateway_down(1_000, 5_000, is_stopped=False)
    assert (gap.cause, gap.from_us, gap.to_us) == (GapCause.GATEWAY_DOWN, 1_000, 5_000)
    assert "not shut down" in gap.detail
    assert holes.gateway_down(1_000, 5_000, is_stopped=True).detail == "stopped"


def test_a_clock_that_starts_in_the_past_is_told() -> None:
    gap = holes.gateway_down(5_000, 1_000, is_stopped=False)
    assert (gap.from_us, gap.to_us) == (5_000, 5_001)
    assert "clock" in gap.detail
