"""What is asked of a server follows from the configuration's times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.config import OpcUaDevice, OpcUaTag, Trigger
from edge.drivers.opcua.plan import KEEP_ALIVE_S, Item, items, subscription
from edge.drivers.spec import Point, TagOptions

DEVICE = OpcUaDevice(name="press", on="plc", tags={})


def test_an_idle_server_speaks_every_two_seconds() -> None:
    asked = subscription(0.25, 60.0)
    assert (asked.interval_ms, asked.keep_alive, asked.lifetime) == (250, 8, 240)
    assert asked.silence_s == KEEP_ALIVE_S


@given(st.floats(0.001, 3600), st.floats(1, 86400))
def test_a_subscription_outlives_its_keep_alives_and_the_outage_to_survive(
    publishing_s: float, survive_s: float
) -> None:
    asked = subscription(publishing_s, survive_s)
    assert asked.keep_alive >= 1
    assert asked.lifetime >= 3 * asked.keep_alive
    assert asked.lifetime * publishing_s >= survive_s - 1e-6
    assert asked.silence_s <= max(1.5 * KEEP_ALIVE_S, publishing_s) + 1e-6


def test_items_keep_the_points_order_and_their_own_wishes() -> None:
    points = [
        Point("press", "force", 0.2, DEVICE, OpcUaTag(node="ns=3;s=Force")),
        Point("press", "mode", 1.0, DEVICE, OpcUaTag(node="ns=3;s=Mode", queue=5, trigger=Trigger.TIMESTAMP)),
    ]
    assert items(points, 60.0) == [
        Item(0, "ns=3;s=Force", 200.0, 300, Trigger.VALUE),
        Item(1, "ns=3;s=Mode", 1000.0, 5, Trigger.TIMESTAMP),
    ]


def test_a_tag_of_another_protocol_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="press/force"):
        items([Point("press", "force", 1.0, DEVICE, TagOptions())], 60.0)
