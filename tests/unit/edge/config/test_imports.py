"""Devices from CSV files, through `load`: one meter a line, and every mistake at its file and line."""

import time
from pathlib import Path

import pytest

from edge.config.mistakes import ConfigMistakes
from edge.settings import Settings, load

HEAD = """\
version: 1
gateway: {id: hall}
cloud: {url: "https://cloud", token: "${env:TOKEN}"}
buffer: {path: state/buffer.db}
connections:
  line-a: {modbus: tcp, host: a}
  line-b: {modbus: tcp, host: b}
  broker: {mqtt: "mqtt://h", client_id: c}
templates:
  em24:
    protocol: modbus
    tags:
      power_kw: {register: "input {first}", type: int32, unit: kW}
      energy_kwh: {register: input 52, type: uint32}
  scale:
    protocol: mqtt
    topic: "{hall}/{device}/weight"
    tags: {kg: {json: $.w}}
devices:
"""
MISSING = 'template "em24" has a place for {first}; say what it is, as `with: {first: ..}` or in a column of that name'
PLAIN = HEAD.replace('"input {first}"', "input 40")


def settings(tmp_path: Path, devices: str, head: str = HEAD, **files: str) -> Settings:
    (tmp_path / "edge.yaml").write_text(head + devices, encoding="utf-8")
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return load(tmp_path / "edge.yaml", {"TOKEN": "t0ken"})


def mistakes(tmp_path: Path, devices: str, head: str = HEAD, **files: str) -> list[str]:
    with pytest.raises(ConfigMistakes) as caught:
        settings(tmp_path, devices, head, **files)
    return caught.value.message.replace(f"{tmp_path}/", "").splitlines()


def test_three_hundred_meters_are_three_hundred_lines_and_quickly_read(tmp_path: Path) -> None:
    lines = "".join(f"meter-{n},em24,line-{'ab'[n % 2]},{n % 200 + 1}\n" for n in range(300))
    began = time.process_time()
    found = settings(tmp_path, "  - import: meters.csv\n", PLAIN, meters="name,use,on,unit\n" + lines)
    assert time.process_time() - began < 2.0
    assert [len(connection.points) for connection in found.connections] == [300, 300]
    points = found.connections[1].points
    assert [(point.device, point.name) for point in points[:3]] == [
        ("meter-1", "power_kw"),
        ("meter-1", "energy_kwh"),
        ("meter-3", "power_kw"),
    ]
    assert {point.device_options.unit for point in points if point.device == "meter-3"} == {4}  # type: ignore[attr-defined]


def test_columns_are_options_words_of_the_template_and_options_of_tags(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "  - {import: m.csv, use: em24, on: line-a, byte_order: little, tags: {energy_kwh: {scale: 0.1}}}\n"
        "  - {import: s.csv, with: {hall: h2}}\n",
        m="name;first;machine;tags.energy_kwh.unit;byte_order\n7;40;PRESS-7;kW.h;\n8;60;;;big-swap\n",
        s="name,use,on,hall\nscale-1,scale,broker,\n",
    )
    seven, energy, eight, _ = found.connections[0].points
    assert (seven.device, seven.device_options.machine, energy.options.unit, energy.options.scale) == (
        "7",
        "PRESS-7",
        "kW.h",
        0.1,
    )
    assert [point.options.at for point in (seven, eight)] == ["input 40", "input 60"]  # type: ignore[attr-defined]
    orders = [point.device_options.byte_order for point in (seven, eight)]  # type: ignore[attr-defined]
    assert orders == ["little", "big-swap"]
    assert found.connections[1].points[0].device_options.topic == "h2/scale-1/weight"  # type: ignore[attr-defined]


def test_a_device_of_the_file_says_the_words_of_its_template_itself(tmp_path: Path) -> None:
    device = "  - {name: m, use: em24, on: line-a, with: {first: 12}}\n"
    assert settings(tmp_path, device).connections[0].points[0].options.at == "input 12"  # type: ignore[attr-defined]
    assert mistakes(tmp_path, device.replace("with: {first: 12}", "with: {frist: 12}")) == [
        f"edge.yaml:20: devices[0].use: {MISSING}",
        'edge.yaml:20: devices[0].with.frist: no place for it in the template; did you mean "first"?',
    ]
    assert mistakes(tmp_path, device.replace("12", "x"))[0].startswith(
        "edge.yaml:20: devices[0].with.first: 'input x' is not a register"
    )
    assert mistakes(tmp_path, device.replace("{first: 12}", "[12]"))[0].startswith(
        "edge.yaml:20: devices[0].use: template"
    )


def test_every_mistake_is_told_at_once_with_its_file_and_line(tmp_path: Path) -> None:
    assert mistakes(
        tmp_path,
        "  - {name: m-1, use: em24, on: line-a, with: {first: 40}}\n  - import: m.csv\n  - import: none.csv\n",
        m="name,use,on,unit,first,tags.energy_kwh.scael,nuit\n"
        "m-1,em24,line-a,1,40,,\n"
        "m-2,em42,line-a,1,40,,\n"
        "m-3,em24,line-c,1,40,,\n"
        "m-4,em24,line-a,999,40,,\n"
        "m-5,em24,line-a,one,40,2,\n"
        "m-6,scale,line-a,1,40,,9\n"
        ",em24,line-a,1,40,,\n"
        "m-8,em24,line-b,1,x,,\n"
        "m-9,em24,line-b,1,,,\n"
        "m-5,em24,line-b,1,1,,\n",
    ) == [
        'm.csv:1: nuit: unknown column; did you mean "unit"?',
        'm.csv:2: name: the name "m-1" is taken by the device on line 20; readings are told apart by it',
        'm.csv:3: use: there is no template "em42"; did you mean "em24"?',
        'm.csv:4: on: there is no connection "line-c"; did you mean "line-b"?',
        "m.csv:5: unit: expected less than or equal to 255, got 999",
        'm.csv:6: tags.energy_kwh.scael: unknown key; did you mean "scale"?',
        "m.csv:6: unit: expected a valid integer, got 'one'",
        'm.csv:7: use: template "scale" speaks mqtt, connection "line-a" modbus',
        'm.csv:8: the key "name" is missing',
        "m.csv:9: first: 'input x' is not a register; write `holding N` or `input N`, such as `holding 40`",
        f"m.csv:10: use: {MISSING}",
        'm.csv:11: name: the name "m-5" is taken by the device on m.csv:6; readings are told apart by it',
        "none.csv:1: cannot be read: No such file or directory",
    ]


def test_a_mistake_that_every_line_shares_is_told_once_where_it_was_made(tmp_path: Path) -> None:
    lines = "name\n" + "".join(f"m-{n}\n" for n in range(50))
    assert mistakes(tmp_path, "  - {import: m.csv, use: em42, on: line-a}\n", PLAIN, m=lines) == [
        'edge.yaml:20: devices[0].use: there is no template "em42"; did you mean "em24"?'
    ]
    assert mistakes(tmp_path, "  - {import: m.csv, use: em24, on: line-a, byte_ordre: big}\n", PLAIN, m=lines) == [
        'edge.yaml:20: devices[0].byte_ordre: unknown key; did you mean "byte_order"?'
    ]


def test_no_reference_is_looked_up_in_a_csv_file(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, "  - {import: m.csv, on: line-a, use: em24}\n", PLAIN, m="name\n${env:TOKEN}\n")
    assert told.startswith("m.csv:2: name: references are looked up in the configuration only")
    assert "t0ken" not in told


def test_what_names_no_file_is_told(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "  - import: [1]\n")[0].startswith("edge.yaml:20: devices[0].import: expected the name")


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ("use: [em24]", "devices[0].use: there is no template"),
        ("use: {em24: 1}", "devices[0].use: there is no template"),
        ("use: em24, tags: 5", "expected keys and values"),
        ("use: em24, tags: [1]", "expected keys and values"),
    ],
)
def test_what_every_line_is_given_must_be_of_its_kind(tmp_path: Path, shared: str, said: str) -> None:
    meters = "name,unit,tags.power_kw.scale\nm1,1,2\n"
    found = mistakes(tmp_path, f"  - {{import: meters.csv, on: line-a, {shared}}}\n", PLAIN, meters=meters)
    assert any(said in each for each in found), found
