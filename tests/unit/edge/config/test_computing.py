from pathlib import Path

import pytest

from edge.config.mistakes import ConfigMistakes
from edge.drivers.spec import ComputedTag
from edge.settings import Settings, load

HEAD = """\
version: 1
gateway: {id: hall}
cloud: {url: "https://cloud", token: "${env:TOKEN}"}
buffer: {path: state/buffer.db}
defaults: {publish: {heartbeat: 1min}}
connections: {l: {modbus: tcp, host: h}}
templates:
  meter: {protocol: modbus, compute: {power_kw: volts * amps / 1000}, tags: {volts: {coil: 1}, amps: {coil: 2}}}
devices:
"""


def settings(tmp_path: Path, devices: str, head: str = HEAD) -> Settings:
    (tmp_path / "edge.yaml").write_text(head + devices, encoding="utf-8")
    return load(tmp_path / "edge.yaml", {"TOKEN": "t"})


def test_a_computed_tag_is_a_point_that_no_driver_reads(tmp_path: Path) -> None:
    (line,) = settings(tmp_path, "  - {name: m, use: meter, on: l}\n").connections
    assert [point.name for point in line.points] == ["volts", "amps"]
    (power,) = line.computed
    assert (power.device, power.name) == ("m", "power_kw")
    assert isinstance(power.options, ComputedTag)
    assert power.options.of == "volts * amps / 1000"
    assert power.options.publish is not None
    assert power.options.publish.heartbeat == 60.0


def test_the_long_form_takes_what_any_tag_takes(tmp_path: Path) -> None:
    device = "  - {name: m, use: meter, on: l, compute: {p: {of: volts * 2, unit: W, range: [0, 9], deadband: 1%}}}\n"
    (power,) = settings(tmp_path, device).connections[0].computed
    assert (power.name, power.options.unit, power.options.deadband) == ("p", "W", "1%")


def test_mistakes_are_told_with_the_column_and_the_nearest_tag(tmp_path: Path) -> None:
    devices = """\
  - name: m
    use: meter
    on: l
    compute:
      a: volst * amps
      b: volts +
      c: __import__('os')
      amps: volts * 2
      d: {of: volts, scal: 2}
      e: {of: volts, deadband: 1%}
      f: {unit: W}
      g: {of: volts, stale_after: 3x}
"""
    with pytest.raises(ConfigMistakes) as caught:
        settings(tmp_path, devices)
    told = [f"{mistake.line} {mistake.path}: {mistake.message}" for mistake in caught.value.mistakes]
    assert told == [
        '18 devices[0].compute.d.scal: unknown key; did you mean "scale"?',
        '20 devices[0].compute.f: the key "of" is missing',
    ]
    sound = "".join(line for line in devices.splitlines(keepends=True) if " d:" not in line and " f:" not in line)
    with pytest.raises(ConfigMistakes) as caught:
        settings(tmp_path, sound)
    told = [f"{mistake.line} {mistake.path}: {mistake.message}" for mistake in caught.value.mistakes]
    where, what = zip(*(line.split(": ", 1) for line in told), strict=True)
    assert where == (
        "14 devices[0].compute.a",
        "15 devices[0].compute.b",
        "16 devices[0].compute.c",
        "17 devices[0].compute.amps",
        "18 devices[0].compute.e.deadband",
        "19 devices[0].compute.g.stale_after",
    )
    assert what[0] == """'volst * amps': at column 1: the device has no tag "volst"; did you mean "volts"?"""
    assert what[1].startswith("'volts +': at column ")
    assert "at column 1: expected numbers, tags, + - * / % **, parentheses and abs" in what[2]
    assert what[3] == 'the device has a tag "amps" already; call the computed one otherwise'
    assert what[4].startswith("1% is a share of the range")
    assert what[5].startswith("its readings come when the source has some")


def test_a_computed_tag_may_not_have_the_name_of_another_ones_server_times(tmp_path: Path) -> None:
    head = HEAD.replace("connections: {l: {modbus: tcp, host: h}}", 'connections: {p: {opcua: "opc.tcp://h"}}')
    device = "  - {name: m, on: p, compute: {a_server_time: a * 2}, tags: {a: {node: ns=2;s=a, server_time: true}}}\n"
    message = 'm: the computed tag "a_server_time" has the name of the one that goes with "a"; call it otherwise'
    with pytest.raises(ConfigMistakes) as caught:
        settings(tmp_path, device, head)
    assert [(mistake.line, mistake.path, mistake.message) for mistake in caught.value.mistakes] == [
        (6, "connections.p", message)
    ]
    assert settings(tmp_path, device.replace(", server_time: true", ""), head).connections[0].computed
