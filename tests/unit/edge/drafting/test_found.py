"""What was found becomes a configuration that the gateway takes."""

from pathlib import Path

import pytest
import yaml

from edge.drafting import found, keep
from edge.drivers.inspection import Found

BASE = """\
version: 1   # the form
gateway: {id: hall, site: "07"}
cloud: {url: "http://h", token: "${env:T}"}
buffer: {path: b.db, max_size: 50 MB}
connections:
  line: {modbus: tcp, host: 10.0.0.6, port: 1502}
  plc: {opcua: "opc.tcp://h:4840"}
devices: [{name: old, on: line, tags: {a: {coil: 1}}}]
"""
ITEMS = [
    Found(["Objects", "Press"], "Press"),
    Found(
        ["Objects", "Press", "Force"], "force", "press", {}, {"node": 'ns=2;s="Press ${x}".Force'}, "820.5", "Double"
    ),
    Found(["Objects", "Press", "Mode"], "on", "press", {}, {"node": "ns=2;i=7"}, "", "Int32\nof a kind"),
]


def test_a_whole_configuration_has_the_frame_the_connection_and_what_was_found(tmp_path: Path) -> None:
    text = found.whole(BASE, "plc", None, ITEMS)
    settings = keep.checked(text, tmp_path, {"T": "t"})
    assert (settings.gateway.id, settings.gateway.site, settings.buffer.max_size) == ("hall", "07", 50_000_000)
    (connection,) = settings.connections
    assert connection.name == "plc"
    assert [(point.device, point.name) for point in connection.points] == [("press", "force"), ("press", "on")]
    assert connection.points[0].options.node == 'ns=2;s="Press ${x}".Force'
    assert "# 820.5, Double" in text
    assert "${env:T}" in text


def test_without_a_base_there_is_a_frame_to_fill_in(tmp_path: Path) -> None:
    items = [Found(["1", "holding 0"], "holding_0", "unit-1", {"unit": 1}, {"register": "holding 0"}, "0015")]
    text = found.whole(None, "line", {"modbus": "tcp", "host": "h"}, items)
    settings = keep.checked(text, tmp_path, {"EDGE_TOKEN": "t"})
    assert settings.gateway.id == "new-gateway"
    assert [point.name for point in settings.connections[0].points] == ["holding_0"]


def test_a_fragment_is_connections_and_devices_alone() -> None:
    document = yaml.safe_load(found.fragment("plc", found.options_in(BASE, "plc"), ITEMS))
    assert document["connections"] == {"plc": {"opcua": "opc.tcp://h:4840"}}
    assert [device["name"] for device in document["devices"]] == ["press"]


@pytest.mark.parametrize("items", [[], ITEMS[:1]])
def test_nothing_to_read_is_a_configuration_without_devices(items: list[Found], tmp_path: Path) -> None:
    assert keep.checked(found.whole(BASE, "plc", None, items), tmp_path, {"T": "t"}).connections == ()
