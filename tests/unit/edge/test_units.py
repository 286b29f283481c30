import pytest

from edge.units import KEEP, WhenFull, count, duration_s, rate_bytes, size_bytes, stale_after_s, when_full


@pytest.mark.parametrize(
    ("text", "expected"), [("2 MB/s", 2_000_000), ("1.5kB/s", 1500), ("800 B/s", 800), (" 1 GB/s ", 10**9)]
)
def test_a_rate_bears_its_unit(text: str, expected: int) -> None:
    assert rate_bytes(text) == expected


@pytest.mark.parametrize("text", ["2 MB", "2", 2, "2 Mbit/s", "-1 B/s", None])
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a rate; write a number with B/s"):
        rate_bytes(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("2^32", 2.0**32), (1_000_000, 1e6), ("10 ^ 6", 1e6), ("65536", 65536.0), (0.5, 0.5)]
)
def test_a_count_is_a_number_or_a_power(text: object, expected: float) -> None:
    assert count(text) == expected


@pytest.mark.parametrize("text", ["2**32", "2^", "9^999", True, None, "many"])
def test_what_is_no_count_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a count"):
        count(text)


def test_staleness_is_a_duration_or_a_number_of_periods_or_none() -> None:
    assert stale_after_s("30s", None) == 30.0
    assert stale_after_s("3x", 0.5) == 1.5
    assert stale_after_s("3x", None) is None
    assert stale_after_s("off", 1.0) is None


@pytest.mark.parametrize("text", ["0s", "0x", "x", "-1x", "3", "soon"])
def test_what_is_no_staleness_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 30s, 3x or off"):
        stale_after_s(text, 1.0)


def test_what_a_full_buffer_does_is_one_of_three_things() -> None:
    assert when_full("keep") == KEEP
    assert when_full("drop") == WhenFull("drop")
    assert when_full("thin 1min") == WhenFull("thin", 60.0)
    assert when_full(" thin  90s ") == WhenFull("thin", 90.0)


@pytest.mark.parametrize("text", ["", "thin", "thin 1", "thin 500ms", "thin1min", "delete", "keep 1min"])
def test_what_a_full_buffer_does_not_do_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write keep, drop, or thin with a window"):
        when_full(text)


@pytest.mark.parametrize("digits", ["9" * 20, "9" * 400], ids=["20 digits", "400 digits"])
@pytest.mark.parametrize(
    ("read", "unit", "words"),
    [
        (size_bytes, " TB", "more bytes than can be counted"),
        (rate_bytes, " TB/s", "more bytes than can be counted"),
        (duration_s, "d", "longer than ten years"),
        (lambda text: stale_after_s(text, 1.0), "x", "more periods than anybody waits"),
        (lambda text: stale_after_s(text, 1.0), "d", "write 30s, 3x or off"),
        (lambda digits: when_full(f"thin {digits}"), "d", "longer than ten years"),
        (count, "^99", "is not a count|more than a counter of 64 bits"),
    ],
    ids=["size", "rate", "duration", "periods", "stale", "thin", "count"],
)
def test_what_no_number_holds_is_refused_with_a_sentence(read, unit: str, words: str, digits: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read(digits + unit)
    assert caught.type is ValueError
