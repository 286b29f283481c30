"""Answers that were computed already."""

from prometheus_client import CollectorRegistry, Counter

from cloud.predictions.remembered import Remembered


def remembered(most: int) -> tuple[Remembered[str], CollectorRegistry]:
    registry = CollectorRegistry()
    return Remembered(Counter("asked", "Asked.", ["what", "kind"], registry=registry), "answer", most), registry


def test_so_many_are_kept_and_the_one_longest_unused_goes_first():
    known, _ = remembered(2)
    known.put("a", "1")
    known.put("b", "2")
    assert known.get("a") == "1"
    known.put("c", "3")
    assert (known.get("a"), known.get("b"), known.get("c")) == ("1", None, "3")
    assert len(known) == 2
    known.forget()
    assert len(known) == 0


def test_it_counts_what_was_known_and_what_was_not():
    known, registry = remembered(2)
    known.get("a")
    known.put("a", "1")
    known.get("a")
    value = registry.get_sample_value
    assert value("asked_total", {"what": "answer", "kind": "computed"}) == 1
    assert value("asked_total", {"what": "answer", "kind": "known"}) == 1


def test_one_that_asks_again_is_counted_once():
    known, registry = remembered(2)
    assert known.peek("a") is None
    known.put("a", "1")
    assert known.peek("a") == "1"
    for kind in ("computed", "known"):
        assert not registry.get_sample_value("asked_total", {"what": "answer", "kind": kind})
