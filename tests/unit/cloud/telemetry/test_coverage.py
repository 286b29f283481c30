from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud.telemetry.coverage import Hole, missing

START = datetime(2026, 3, 14, tzinfo=UTC)
END = START + timedelta(seconds=100)


def hole(begin: int, end: int, cause: str = "gateway_down") -> Hole:
    return Hole(START + timedelta(seconds=begin), START + timedelta(seconds=end), cause)


holes = st.lists(
    st.builds(
        lambda begin, length, cause: hole(begin, begin + length, cause),
        st.integers(-50, 150),
        st.integers(0, 80),
        st.sampled_from("ab"),
    )
)


def test_no_hole_misses_nothing():
    assert missing([], START, END) == missing([hole(-5, 0), hole(100, 105), hole(50, 50)], START, END)
    assert missing([], START, END).seconds == 0


def test_holes_that_overlap_count_once_in_all_and_once_in_each_cause():
    found = missing([hole(0, 40), hole(10, 20), hole(30, 60, "overflow")], START, END)
    assert (found.seconds, found.by_cause) == (60, {"gateway_down": 40, "overflow": 30})


@given(holes)
def test_it_is_the_count_of_the_seconds_that_lie_in_a_hole(told):
    seconds = [START + timedelta(seconds=second) for second in range(100)]

    def held(inside) -> int:
        return sum(any(each.start <= second < each.end for each in inside) for second in seconds)

    found = missing(told, START, END)
    assert found.seconds == held(told)
    for cause, length in found.by_cause.items():
        assert length == held([each for each in told if each.cause == cause])
