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
        ({"topic": "plant/{1}/data"}, r"expected \+ where a level is captured"),
        ({"name": "scale-{2}"}, "write the pattern as `device`"),
        ({"topic": "a/+", "device": "scale-{2}"}, r"has 1 wildcards, so \{2\} stands for nothing"),
        ({"device": "scale"}, "wants a place such as"),
        ({"topic": "a/+", "machine": "M-{1}"}, "one device has one machine"),
        ({"payload": "csv"}, "`json` is not for this payload; expected column"),
        ({"payload": "csv", "tags": {"w": {}}}, "the key `column` is missing"),
        ({"payload": "csv", "tags": {"w": {"column": "w"}}}, "needs `csv: {header: true}`"),
        ({"payload": "csv", "tags": {"w": {"column": 0}}}, "counted from 1"),
        ({"payload": "text"}, "`json` is not for this payload"),
        ({"payload": "text", "tags": {"w": {}}, "points": {"path": "$.v"}}, "`points` is for JSON"),
        ({"points": {"path": "$.v", "name": "$.n"}}, "go together"),
        ({"points": {"path": "$.v", "unlisted": {}}}, "for points that name themselves"),
        ({"points": {"path": "$.v[*].x"}}, "is not a JSON path"),
        ({"ts": {"path": "$.t", "format": "%H:%M"}}, "says no offset"),
        ({"ts": {"path": "$.t", "format": "%H:%M", "timezone": "Europe/Izmir"}}, "not an IANA time zone"),
        ({"ts": {"column": 1, "format": "unix_s"}}, "a time in json has a `path`"),
        ({"ts": {"path": "$.t", "column": 1, "format": "unix_s"}}, "one of `path` and `column`"),
        ({"ts": {"format": "unix_s"}}, "one of `path` and `column`"),
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
        ({"tags": {}}, "the key `tags` is missing"),
        ({"tags": {"w": {}}}, "the key `json` is missing"),
        ({"tags": {"w": {"json": "$..w"}}}, "is not a JSON path"),
        ({"tags": {"w": {"node": "ns=3"}}}, "Extra inputs"),
    ],
)
def test_a_wrong_device_is_refused_with_the_way_out(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        device(**options)


def test_a_short_form_says_the_same_as_the_long_one() -> None:
    rest = {"name": "scales", "on": "broker", "topic": "plant/+/scale/+", "device": "scale-{2}"}
    short = MqttDevice.model_validate(
        {**rest, "json": {"weight_kg": "$.w", "ts": {"path": "$.t", "format": "unix_ms"}}}
    )
    long = MqttDevice.model_validate(
        {**rest, "tags": {"weight_kg": {"json": "$.w"}}, "ts": {"path": "$.t", "format": "unix_ms"}}
    )
    assert (short.tags, short.ts) == (long.tags, long.ts)
    assert set(short.families) == {"weight_kg"}
    assert short.is_pattern
