"""Subscriptions and routes: each topic reaches its devices, and no message can come twice."""

from collections.abc import Mapping

import pytest

from edge.drivers.mqtt.config import MqttDevice
from edge.drivers.mqtt.plan import MOST_FOUND, Plan
from edge.drivers.spec import Point
from edge.errors import ConfigError


def families(entry: dict[str, object]) -> list[Point]:
    """Return the points of an entry whose names only messages tell."""
    device = MqttDevice.model_validate({"on": "b", **entry})
    return [Point(device.name, tag, 1.0, device, of) for tag, of in device.families.items()]


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


def test_a_device_behind_a_wildcard_is_made_when_its_first_message_comes() -> None:
    plan = Plan(
        "hall",
        points("press", "press", {"x": "$.x"}),
        families(
            {
                "name": "scales",
                "topic": "plant/+/scale/+",
                "device": "scale-{2}",
                "machine": "HALL-{1}",
                "tags": {"weight_{1}": {"json": "$.w", "unit": "kg"}, "t": {"json": "$.t"}},
            }
        ),
    )
    assert plan.announce() == []
    (route,) = plan.routes("plant/north/scale/7")
    assert (route.device, route.points) == ("scale-7", (1, 2))
    found = plan.announce()
    assert [(point.device, point.name, point.options.unit) for point in found] == [
        ("scale-7", "weight_north", "kg"),
        ("scale-7", "t", ""),
    ]
    assert found[0].device_options.machine == "HALL-north"
    assert plan.routes("plant/north/scale/7") == (route,)
    # another topic of the same device: what it has already keeps its place
    assert plan.routes("plant/south/scale/7")[0].points == (3, 2)
    assert [point.name for point in plan.announce()] == ["weight_south"]


def test_the_rest_of_a_topic_behind_a_hash_is_one_capture() -> None:
    plan = Plan("hall", [], families({"name": "any", "topic": "z/#", "device": "d-{1}", "json": {"v": "$"}}))
    assert plan.routes("z/a/b")[0].device == "d-a/b"


def test_points_that_name_themselves_are_found_if_that_is_wanted() -> None:
    entry = {
        "name": "box",
        "topic": "box",
        "points": {"path": "$.v[*]", "name": "$.n", "value": "$.x", "unlisted": {"unit": "Cel"}},
        "tags": {"known": {"unit": "kg"}},
    }
    device = MqttDevice.model_validate({"on": "b", **entry})
    plan = Plan("b", [Point("box", "known", 1.0, device, device.tags["known"])], families(entry))
    (route,) = plan.routes("box")
    assert [plan.place(route, name) for name in ("known", "new", "new")] == [0, 1, 1]
    assert plan.place(route, "x" * 201) is None
    assert plan.left_out == 1
    (found,) = plan.announce()
    assert (found.device, found.name, found.options.unit) == ("box", "new", "Cel")
    without = {**entry, "points": {"path": "$.v", "name": "$.n", "value": "$.x"}}
    device = MqttDevice.model_validate({"on": "b", **without})
    plan = Plan("b", [Point("box", "known", 1.0, device, device.tags["known"])])
    assert plan.place(plan.routes("box")[0], "new") is None


def test_a_publisher_that_makes_up_names_does_not_fill_the_memory() -> None:
    plan = Plan("b", [], families({"name": "any", "topic": "t/+", "device": "d{1}", "json": {"v": "$"}}))
    for n in range(MOST_FOUND + 5):
        plan.routes(f"t/{n}")
    assert (len(plan.announce()), plan.left_out) == (MOST_FOUND, 5)
    assert plan.routes("t/0")[0].points == (0,)
    assert plan.routes("t/new")[0].points == ()
