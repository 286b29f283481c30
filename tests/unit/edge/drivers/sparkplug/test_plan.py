"""Which points a node's metrics feed, and what is subscribed to."""

from edge.drivers.sparkplug import plan as module
from edge.drivers.sparkplug.config import SparkplugDevice
from edge.drivers.sparkplug.nodes import Source
from edge.drivers.sparkplug.plan import Plan
from edge.drivers.spec import Point


def entry(**options: object) -> tuple[list[Point], list[Point]]:
    device = SparkplugDevice.model_validate({"name": "press", "on": "b", "group": "G", "node": "N", **options})
    families = device.families
    tags = [Point(device.name, name, 1.0, device, tag) for name, tag in device.tags.items() if name not in families]
    return tags, [Point(device.name, name, 1.0, device, tag) for name, tag in families.items()]


def test_a_tag_takes_its_metric_of_its_node_alone() -> None:
    plan = Plan(*entry(tags={"oil_c": {"metric": "Oil/Temp"}}))
    assert plan.of(Source("G", "N"), "Oil/Temp") == [0]
    assert plan.of(Source("G", "N"), "Other") == []
    assert plan.of(Source("G", "N", "d"), "Oil/Temp") == [], "a device of the node is another source"
    assert plan.wants(Source("G", "N", "d"))
    assert not plan.wants(Source("G", "M"))
    assert plan.named_nodes() == [Source("G", "N")]
    assert plan.subscriptions() == {"spBv1.0/G/#": 1}


def test_metrics_are_found_where_that_is_wanted() -> None:
    discover = {"include": ["Oil/*", "Motor/**"], "exclude": ["**/Internal"], "prefix": "x_", "unit": "Cel"}
    plan = Plan(*entry(tags={"oil_c": {"metric": "Oil/Temp"}}, discover=discover))
    source = Source("G", "N")
    assert plan.of(source, "Oil/Temp") == [0], "what has a tag is not found a second time"
    assert plan.of(source, "Oil/Level") == [1]
    assert plan.of(source, "Oil/Deep/Level") == []
    assert plan.of(source, "Motor/A/B") == [2]
    assert plan.of(source, "Motor/A/Internal") == []
    assert plan.of(source, "Oil/Level") == [1]
    assert [(point.device, point.name, point.options.unit) for point in plan.announce()] == [
        ("press", "x_Oil/Level", "Cel"),
        ("press", "x_Motor/A/B", "Cel"),
    ]
    assert plan.announce() == []


def test_patterns_make_devices() -> None:
    plan = Plan(*entry(node="Press*", source="*", device="{2}.{3}", tags={"t": {"metric": "Temp"}}))
    assert plan.of(Source("G", "Press7", "axis"), "Temp") == [0]
    assert plan.of(Source("G", "Press7"), "Temp") == [], "* is any device, not the node"
    assert plan.of(Source("G", "Saw", "axis"), "Temp") == []
    assert plan.devices(Source("G", "Press7", "axis")) == ["Press7.axis"]
    assert [(point.device, point.name) for point in plan.announce()] == [("Press7.axis", "t")]
    assert plan.named_nodes() == []


def test_subscriptions_never_match_a_message_twice() -> None:
    both = [entry(name="a", discover={}), entry(name="b", group="H", discover={}), entry(name="c", discover={})]
    plan = Plan([], [family for _, families in both for family in families])
    assert plan.subscriptions() == {"spBv1.0/G/#": 1, "spBv1.0/H/#": 1}
    wild = Plan([], [*both[0][1], *entry(name="w", group="*", device="{1}", discover={})[1]])
    assert wild.subscriptions() == {"spBv1.0/#": 1}


def test_a_node_that_makes_up_metrics_does_not_fill_the_memory() -> None:
    plan = Plan(*entry(discover={}))
    source = Source("G", "N")
    for n in range(module.MOST_FOUND + 2):
        plan.of(source, f"m{n}")
    assert (len(plan.announce()), plan.left_out) == (module.MOST_FOUND, 2)
    assert plan.of(source, "x" * 201) == []
