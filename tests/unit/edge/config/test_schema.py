import json
from typing import Any

import jsonschema_rs
import pytest
import yaml

from edge.config.schema import json_schema
from edge.settings import known_drivers

SOUND = """
version: 1
gateway: {id: hall}
cloud: {url: http://c, token: "${env:T}", max_in_flight: "${env:N}"}
buffer: {path: b.db, max_size: 1 GB}
defaults: {every: 1s, publish: {"on": sample, heartbeat: 5min}}
health: {listen: "127.0.0.1:0"}
templates:
  em24: {protocol: modbus, byte_order: big, tags: {p: {register: input 40, type: int32, deadband: 0.5%, range: [0, 9]}}}
connections:
  a: {modbus: tcp, host: h, port: "${env:P}", timeout: 300ms}
  b: {mqtt: "mqtt://h:1883", client_id: c, version: 5}
  c: {opcua: "opc.tcp://h:4840"}
devices:
  - {name: m, "on": a, use: em24, unit: 3}
  - {name: p, "on": c, tags: {x: {node: "ns=3;s=x", every: 200ms, map: {"0": "off"}}}}
"""


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json_schema(known_drivers()))


def changed(path: str, value: object) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(SOUND)
    *outer, last = path.split("/")
    place: Any = document
    for part in outer:
        place = place[int(part) if isinstance(place, list) else part]
    place[last] = value
    return document


def test_the_schema_is_json_and_accepts_a_sound_file(schema: jsonschema_rs.Draft202012Validator) -> None:
    json.dumps(json_schema(known_drivers()))
    schema.validate(yaml.safe_load(SOUND))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 2),
        ("extra", 1),
        ("gateway/zone", "x"),
        ("defaults/every", 1),
        ("defaults/publish/on", "never"),
        ("health/listen", {"host": "x", "port": 1}),
        ("templates/em24/protocol", "mqtt"),
        ("templates/em24/on", "a"),
        ("templates/em24/tags/p/type", "int3"),
        ("connections/a/prt", 1),
        ("connections/a/port", 70000),
        ("connections/a/timeout", 3),
        ("devices/0/use", 3),
        ("devices/0/unitt", 3),
        ("devices/1/tags/x/nod", "y"),
        ("buffer/max_size", 100),
    ],
)
def test_the_schema_refuses_what_the_daemon_refuses(
    schema: jsonschema_rs.Draft202012Validator, path: str, value: object
) -> None:
    assert not schema.is_valid(changed(path, value))
