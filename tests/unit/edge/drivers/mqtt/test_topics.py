"""Topics: matching as the specification has it, and what wildcards stand for."""

from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from edge.drivers.mqtt import topics

levels = st.sampled_from(["a", "b", "", "$x", "+"])
names = st.lists(levels.filter(lambda level: level != "+"), min_size=1, max_size=4).map("/".join).filter(bool)
filters = (
    st.tuples(st.lists(levels, max_size=4), st.booleans())
    .map(lambda parts: "/".join([*parts[0], "#"] if parts[1] else parts[0]))
    .filter(bool)
)


@settings(deadline=None)
@given(filters, names)
def test_matching_is_as_paho_has_it(filter: str, topic: str) -> None:
    assert topics.matches(filter, topic) == topic_matches_sub(filter, topic)


@settings(deadline=None)
@given(filters, filters, names)
def test_filters_that_match_one_topic_overlap(one: str, other: str, topic: str) -> None:
    if topics.matches(one, topic) and topics.matches(other, topic):
        assert topics.overlap(one, other)
        assert topics.overlap(other, one)


@settings(deadline=None)
@given(filters, filters)
def test_filters_that_overlap_match_one_topic(one: str, other: str) -> None:
    if topics.overlap(one, other):
        witnesses = _witnesses(one, other)
        assert any(topics.matches(one, topic) and topics.matches(other, topic) for topic in witnesses), (one, other)


def _witnesses(one: str, other: str) -> list[str]:
    """Topics made of what both filters fix, the free levels filled with a name."""
    found = []
    for filled in ("a", "b", "", "$x"):
        a, b = ([filled if level in "+#" and level else level for level in f.split("/")] for f in (one, other))
        for length in range(1, 7):
            first, second = [*a, *[filled] * 6][:length], [*b, *[filled] * 6][:length]
            found.append("/".join(x if y == filled else y for x, y in zip(first, second, strict=True)))
    return found


@settings(deadline=None)
@given(filters, names)
def test_what_is_captured_put_back_gives_the_topic(filter: str, topic: str) -> None:
    if not topics.matches(filter, topic):
        return
    captured = topics.captures(filter, topic)
    assert len(captured) == topics.wildcards(filter)
    rest = iter(captured)
    again = "/".join(next(rest) if level in {"+", "#"} else level for level in filter.split("/"))
    # a # that stands for nothing leaves its slash
    assert again.removesuffix("/") == topic.removesuffix("/") or again == topic + "/"


def test_names_take_what_was_captured() -> None:
    assert topics.fill("{2}-{1}-{2}", ["a", "b"]) == "b-a-b"
    assert topics.places("{2}-{12}") == {2, 12}
