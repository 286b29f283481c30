import pytest

from edge.page.throughput import Rates, Throughput


def paced(*samples: tuple[float, int, int, int]) -> Throughput:
    throughput = Throughput()
    for sample in samples:
        throughput.sample(*sample)
    return throughput


def test_rates_are_those_of_the_last_minute() -> None:
    throughput = paced((0, 0, 0, 0), *((5.0 * n, 10_000 + 500 * n, 250 * n, 100 * n) for n in range(1, 14)))
    assert throughput.rates() == Rates(100.0, 50.0, 20.0)


@pytest.mark.parametrize("samples", [(), ((1.0, 5, 5, 5),), ((1.0, 5, 5, 5), (1.0, 9, 9, 9))])
def test_without_two_samples_there_is_no_rate(samples: tuple[tuple[float, int, int, int], ...]) -> None:
    assert paced(*samples).rates() is None
    assert paced(*samples).drain_s(5) is None


@pytest.mark.parametrize(
    ("buffered", "settled", "waiting", "seconds"),
    [
        (100, 100, 0, 0.0),
        (100, 100, 80, 0.8),  # on its way
        (100, 300, 20_000, 100.0),
        (100, 100, 20_000, None),
        (300, 100, 20_000, None),
        (100, 0, 20, None),
    ],
)
def test_a_buffer_empties_at_what_goes_less_what_comes(
    buffered: int, settled: int, waiting: int, seconds: float | None
) -> None:
    assert paced((0.0, 0, 0, 0), (1.0, 0, buffered, settled)).drain_s(waiting) == seconds
