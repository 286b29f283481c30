"""The options of MQTT: what is taken, what is refused, and that a refusal says what to write instead."""

import pytest
from pydantic import ValidationError

from edge.drivers.mqtt.config import MqttConnection, MqttDevice


def connection(**options: object) -> MqttConnection:
    return MqttConnection.model_validate({"mqtt": "mqtt://10.2.0.5", "client_id": "hall-2", **options})


def device(**options: object) -> MqttDevice:
    tags = {"weight_kg": {"json": "$.w", "unit": "kg"}}
    return MqttDevice.model_validate(
        {"name": "scales", "on": "broker", "topic": "plant/scales", "tags": tags, **options}
    )


def test_a_connection_needs_an_address_and_a_client_id_only() -> None:
    options = connection()
    assert (options.host, options.port, options.version) == ("10.2.0.5", 1883, 3)
    assert connection(mqtt="mqtt://[::1]:1884").host == "::1"
    assert connection(mqtt="mqtt://broker.hall:1884").port == 1884
    assert connection(version=5, session="persistent", keepalive="10s", session_expiry="2d").session_expiry == 172_800


def test_a_password_is_not_shown() -> None:
    options = connection(username="mes", password="hunter2")
    assert "hunter2" not in repr(options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mqtt": "10.2.0.5:1883"}, "write mqtt://host:1883"),
        ({"mqtt": "mqtt://"}, "write mqtt://host:1883"),
        ({"mqtt": "mqtt://me:secret@10.2.0.5"}, "user name and password have keys of their own"),
        ({"mqtt": "mqtt://10.2.0.5/plant"}, "only ws:// and wss:// have a path"),
        ({"tls": {"ca": "/etc/ca.pem"}}, "mqtt://10.2.0.5 is not encrypted"),
        ({"mqtt": "mqtts://10.2.0.5", "tls": {"ca": "ca.pem"}}, "an absolute path"),
        ({"mqtt": "mqtts://10.2.0.5", "tls": {"key": "/etc/key.pem"}}, "`key` needs a `cert`"),
        ({"mqtt": "mqtt://10.2.0.5:0"}, "port 0"),
        ({"mqtt": "mqtt://10.2.0.5:http"}, "Port"),
        ({"version": 4}, "3 or 5"),
        ({"session": "clean"}, "persistent"),
        ({"client_id": ""}, "at least 1 character"),
        ({"password": "x"}, "needs a `username`"),
        ({"in_flight": 0}, "greater than or equal to 1"),
        ({"keepalive": "10ms"}, "greater than or equal to 1"),
        ({"keepalive": 10}, "is not a duration"),
        ({"qos": 1}, "Extra inputs"),
    ],
)
def test_a_wrong_connection_is_refused_with_the_way_out(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        connection(**options)


def test_a_device_has_a_topic_and_tags_with_paths() -> None:
    options = device(ts={"path": "$.t", "format": "unix_ms"})
    assert options.qos == 1
    assert options.tags["weight_kg"].path == "$.w"
    assert options.ts is not None
    assert device(topic="plant/+/scale/#").topic == "plant/+/scale/#"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"topic": "plant/{1}/data"}, "cannot be captured yet"),
        ({"name": "scale-{2}"}, "cannot be made from parts of a topic yet"),
        ({"topic": "$share/group/plant"}, "shared subscription"),
        ({"topic": ""}, "1 to 65535 bytes"),
        ({"topic": "plant/\0"}, "no control characters"),
        ({"topic": "x" * 65536}, "1 to 65535 bytes"),
        ({"topic": "plant/a+/data"}, "one whole level"),
        ({"topic": "plant/#/data"}, "at the end"),
        ({"topic": "plant/x#"}, "at the end"),
        ({"qos": 2}, "0 or 1"),
        ({"ts": {"path": "$.t"}}, "Field required"),
        ({"ts": {"path": "$.t", "format": "rfc2822"}}, "unix_ms"),
        ({"tags": {}}, "at least 1"),
        ({"tags": {"w": {}}}, "Field required"),
        ({"tags": {"w": {"json": "$..w"}}}, "is not a JSON path"),
        ({"tags": {"w": {"node": "ns=3"}}}, "Extra inputs"),
    ],
)
def test_a_wrong_device_is_refused_with_the_way_out(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        device(**options)
