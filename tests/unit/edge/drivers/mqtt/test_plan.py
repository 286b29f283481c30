"""Subscriptions and routes: each topic reaches its devices, and no message can come twice."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from edge.drivers.mqtt.config import MqttDevice
from edge.drivers.mqtt.plan import Plan, matches, overlap
from edge.drivers.spec import Point
from edge.errors import ConfigError

levels = st.sampled_from(["a", "b", "", "$x", "+"])
topics = st.lists(levels.filter(lambda level: level != "+"), min_size=1, max_size=4).map("/".join).filter(bool)
filters = (
    st.tuples(st.lists(levels, max_size=4), st.booleans())
    .map(lambda parts: "/".join([*parts[0], "#"] if parts[1] else parts[0]))
    .filter(bool)
)


def points(name: str, topic: str, tags: Mapping[str, str], **options: object) -> list[Point]:
    device = MqttDevice.model_validate(
        {
            "name": name,
            "on": "b",
            "topic": topic,
            "tags": {tag: {"json": path} for tag, path in tags.items()},
            **options,
        }
    )
    return [Point(name, tag, 1.0, device, of) for tag, of in device.tags.items()]


def test_a_topic_reaches_its_device_and_names_its_points() -> None:
    plan = Plan(
        "broker", [*points("s1", "plant/1", {"w": "$.w"}), *points("s2", "plant/2", {"w": "$.w", "t": "$.a.t"})]
    )
    (route,) = plan.routes("plant/2")
    assert (route.device, route.points) == ("s2", (1, 2))
    assert route.values({"w": 4, "a": {"t": 5}}) == [4, 5]
    assert plan.subscriptions == {"plant/1": 1, "plant/2": 1}
    assert plan.routes("plant/3") == ()


def test_devices_that_share_a_topic_share_a_subscription_with_the_higher_quality_of_service() -> None:
    plan = Plan("broker", [*points("a", "t/+", {"x": "$.x"}, qos=0), *points("b", "t/+", {"y": "$.y"}, qos=1)])
    assert plan.subscriptions == {"t/+": 1}
    assert [route.device for route in plan.routes("t/1")] == ["a", "b"]
    assert plan.routes("t/1") is plan.routes("t/1"), "found once, then remembered"


def test_points_keep_their_places_when_devices_are_mixed() -> None:
    a, b = points("a", "a", {"x": "$.x", "y": "$.y"}), points("b", "b", {"x": "$.x"})
    plan = Plan("broker", [a[0], b[0], a[1]])
    assert plan.routes("a")[0].points == (0, 2)
    assert plan.routes("b")[0].points == (1,)


@pytest.mark.parametrize("other", ["plant/#", "plant/+", "+/press", "#"])
def test_overlapping_topics_are_refused_since_a_broker_may_send_such_a_message_twice(other: str) -> None:
    with pytest.raises(ConfigError, match=r"hall.*match the same messages.*same topic"):
        Plan("hall", [*points("a", "plant/press", {"x": "$.x"}), *points("b", other, {"x": "$.x"})])


@settings(deadline=None)
@given(filters, topics)
def test_matching_is_as_paho_has_it(filter: str, topic: str) -> None:
    assert matches(filter, topic) == topic_matches_sub(filter, topic)


@settings(deadline=None)
@given(filters, filters, topics)
def test_filters_that_match_one_topic_overlap(one: str, other: str, topic: str) -> None:
    if matches(one, topic) and matches(other, topic):
        assert overlap(one, other)
        assert overlap(other, one)


@settings(deadline=None)
@given(filters, filters)
def test_filters_that_overlap_match_one_topic(one: str, other: str) -> None:
    if overlap(one, other):
        assert any(matches(one, topic) and matches(other, topic) for topic in _witnesses(one, other)), (one, other)


def _witnesses(one: str, other: str) -> list[str]:
    """Topics made of what both filters fix, the free levels filled with a name."""
    found = []
    for filled in ("a", "b", "", "$x"):
        a, b = ([filled if level in "+#" and level else level for level in f.split("/")] for f in (one, other))
        for length in range(1, 7):
            first, second = [*a, *[filled] * 6][:length], [*b, *[filled] * 6][:length]
            found.append("/".join(x if y == filled else y for x, y in zip(first, second, strict=True)))
    return found
