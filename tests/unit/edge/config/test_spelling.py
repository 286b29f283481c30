import pytest

from edge.config.spelling import nearest, one_of


@pytest.mark.parametrize(
    ("word", "meant"),
    [("regster", "register"), ("HOST", "host"), ("timout", "timeout"), ("xyz", None), ("", None)],
)
def test_one_or_two_slips_are_seen_through(word: str, meant: str | None) -> None:
    assert nearest(word, ["register", "host", "timeout"]) == meant


def test_without_a_near_word_all_of_them_are_listed_if_they_are_few() -> None:
    assert one_of("zzz", ["b", "a"]) == "expected one of a, b"
    assert one_of("zzz", ["a"]) == "expected a"
    assert one_of("zzz", []) == "there are none"
    assert one_of("zzz", [f"w{n:02}" for n in range(99)]).endswith("w15, ..")
