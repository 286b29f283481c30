"""Growth is told over the last ten minutes, and not from a single batch."""

from edge.buffer.growth import Growth


def test_it_is_the_pace_of_the_last_ten_minutes() -> None:
    growth = Growth()
    for minute in range(30):
        # quick at first, slow for the last ten minutes
        growth.sample(60.0 * minute, 60_000 * minute if minute < 19 else 60_000 * 19 + 600 * (minute - 19))
    assert growth.bytes_per_s == 10.0


def test_a_moment_tells_nothing() -> None:
    growth = Growth()
    assert growth.bytes_per_s is None
    growth.sample(0.0, 0)
    growth.sample(10.0, 50_000)
    assert growth.bytes_per_s is None
    growth.sample(20.0, 50_000)
    assert growth.bytes_per_s == 2_500.0


def test_what_is_at_rest_does_not_grow() -> None:
    growth = Growth()
    for second in range(0, 100, 10):
        growth.sample(float(second), 7)
    assert growth.bytes_per_s == 0.0
