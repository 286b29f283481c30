"""The options of Sparkplug: what is taken, what is refused, and that a refusal says what to write instead."""

import pytest
from pydantic import ValidationError

from edge.drivers.sparkplug.config import DISCOVERED, SparkplugConnection, SparkplugDevice


def device(**options: object) -> SparkplugDevice:
    return SparkplugDevice.model_validate({"name": "press", "on": "b", "group": "Plant", "node": "Press7", **options})


def test_a_connection_needs_an_address_and_a_client_id_only() -> None:
    options = SparkplugConnection.model_validate({"sparkplug": "mqtts://10.2.0.5", "client_id": "hall"})
    assert (options.host, options.port, options.is_tls, options.session_expiry_s) == ("10.2.0.5", 8883, True, None)
    assert options.host_id is None


def test_a_named_node_has_points_and_a_pattern_has_families() -> None:
    one = device(tags={"oil_c": {"metric": "Oil/Temp"}})
    assert not one.families
    assert set(device(tags={"oil_c": {"metric": "Oil/Temp"}}, discover={}).families) == {DISCOVERED}
    many = device(node="Press*", source="*", device="{2}-{3}", tags={"oil_c": {"metric": "Oil/Temp"}})
    assert set(many.families) == {"oil_c"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "neither `tags` nor `discover`"),
        ({"node": "a/b", "discover": {}}, r"a name without /, \+ and #"),
        ({"group": "+", "discover": {}}, r"\* stands for any characters"),
        ({"node": "Press*", "discover": {}}, r"`device` is missing.*\{2\}"),
        ({"node": "Press*", "source": "*", "device": "{2}", "discover": {}}, r"needs \{2\}, \{3\}"),
        ({"device": "{2}", "discover": {}}, "one device has its name as `name`"),
        ({"node": "*", "device": "{2}{4}", "discover": {}}, "there are"),
        ({"tags": {"t": {}}}, "Field required"),
        ({"tags": {"t": {"metric": ""}}}, "at least 1"),
    ],
)
def test_a_wrong_device_is_refused_with_the_way_out(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        device(**options)
