import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config.mistakes import ConfigMistakes
from edge.config.schema import json_schema
from edge.drivers.spec import ConnectionOptions, Objection, Point, PublishOptions
from edge.settings import Settings, known_drivers, load
from shared.reading import ReadingType

HEAD = """\
version: 1
gateway: {id: izmir-hall2}
cloud: {url: "https://cloud.example.com/", token: "${env:TOKEN}"}
buffer: {path: state/buffer.db}
"""
PLANT = """\
templates:
  em24:
    protocol: modbus
    byte_order: big
    tags:
      power_kw: {register: input 40, type: int32, scale: 0.0001, unit: kW, deadband: 0.05}
      alarm: {coil: 3}
connections:
  line-a: {modbus: tcp, host: 10.2.0.15, port: "${env:PORT}"}
  broker: {mqtt: "mqtt://10.2.0.5:1883", client_id: hall2}
devices:
  - {name: meter-1, on: line-a, use: em24, unit: 4, machine: PRESS-01}
"""
ENVIRON = {"TOKEN": "t0ken-of-the-gateway", "PORT": "1502"}


def settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "edge.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, ENVIRON)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigMistakes) as caught:
        settings(tmp_path, text)
    assert ENVIRON["TOKEN"] not in str(caught.value)
    return [f"{mistake.line} {mistake.path}: {mistake.message}" for mistake in caught.value.mistakes]


def test_a_whole_configuration_is_resolved(tmp_path: Path) -> None:
    found = settings(tmp_path, HEAD + PLANT)
    assert found.cloud.url == "https://cloud.example.com"
    assert found.cloud.token.get_secret_value() == ENVIRON["TOKEN"]
    assert found.buffer_path == tmp_path / "state" / "buffer.db"
    assert (found.health.listen.host, found.health.listen.port) == ("127.0.0.1", 9108)
    (line,) = found.connections
    assert found.unused == ("broker",)
    assert (line.name, line.spec.protocol, line.options.port) == ("line-a", "modbus", 1502)  # type: ignore[attr-defined]
    power, alarm = line.points
    assert (power.device, power.name, power.every_s, power.device_options.machine) == (
        "meter-1",
        "power_kw",
        1.0,
        "PRESS-01",
    )
    assert (power.options.scale, power.options.unit, power.options.deadband) == (0.0001, "kW", 0.05)
    assert power.device_options.unit == 4  # type: ignore[attr-defined]
    assert alarm.name == "alarm"


def test_secrets_are_not_shown_by_settings(tmp_path: Path) -> None:
    assert ENVIRON["TOKEN"] not in repr(settings(tmp_path, HEAD + PLANT))


def test_defaults_reach_tags_and_a_tag_overrides_only_what_it_says(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        HEAD
        + """\
defaults: {every: 500ms, publish: {on: sample, heartbeat: 5min}}
connections: {l: {modbus: tcp, host: h}}
devices:
  - name: d
    on: l
    tags:
      plain: {coil: 0}
      beating: {coil: 1, publish: {heartbeat: 10s}}
      changing: {coil: 2, every: 2s, publish: {on: change}}
""",
    )
    points = {point.name: point for point in found.connections[0].points}
    assert points["plain"].every_s == 0.5
    assert points["plain"].options.publish == PublishOptions(on="sample", heartbeat="5min")  # type: ignore[arg-type]
    assert points["beating"].options.publish == PublishOptions(on="sample", heartbeat="10s")  # type: ignore[arg-type]
    assert points["changing"].options.publish == PublishOptions(on="change", heartbeat="5min")  # type: ignore[arg-type]
    assert points["changing"].every_s == 2.0


def test_a_device_lays_its_tags_over_those_of_its_template(tmp_path: Path) -> None:
    text = PLANT.replace(
        "machine: PRESS-01}",
        "machine: PRESS-01, byte_order: little, tags: {power_kw: {scale: 2, means: power}, more: {discrete: 7}}}",
    )
    points = {point.name: point for point in settings(tmp_path, HEAD + text).connections[0].points}
    assert list(points) == ["power_kw", "alarm", "more"]
    power = points["power_kw"]
    assert (power.options.scale, power.options.unit, power.options.means) == (2.0, "kW", ReadingType.POWER)
    assert power.options.type == "int32"  # type: ignore[attr-defined]
    assert power.device_options.byte_order == "little"  # type: ignore[attr-defined]


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
version: 2
gateway: {id: "a\\tb", zone: x, timezone: Europe/Istambul}
cloud: {url: ftp://x, token: inline-secret}
buffer: {path: b.db, max_size: 5}
defaults: {every: 1, publish: {on: chang}}
health: {listen: nowhere}
templates:
  em24:
    protocol: modbus
    on: a
    byte_ordr: big
    tags:
      p: {register: input 40, type: int3}
  broken: {protocol: modbsu}
  none: {}
connections:
  a: {modbus: tcp, host: 10.0.0.1, prt: 5, port: "${env:TOKEN}"}
  b: {modbs: tcp}
  c: {opcua: "opc.tcp://x:1", mqtt: "mqtt://x:1"}
  d: {mqtt: "mqtt://x:1", client_id: x, username: u, password: inline}
devices:
  - {name: m1, on: aa, use: em24}
  - {name: m2, on: a, use: em}
  - {name: m3, on: a, use: em24}
  - {name: m4, on: d, use: em24}
  - {name: m5, usee: em24}
  - name: m6
    on: a
    tags:
      s: {register: holding 3, means: state, map: {0: off, 1: producin}, deadband: 5%}
      t: {register: holding 3, scal: 3}
  - {name: m6, on: a, tags: {p: {coil: 4, every: 1ms}, q: {coil: 5, deadband: x}}}
  - {name: m7, on: a}
"""
    expected = """\
1 version: expected 1, got 2
2 gateway.id: expected text without control characters, got 'a\\tb'
2 gateway.timezone: "Europe/Istambul" is not an IANA time zone; did you mean "Europe/Istanbul"?
2 gateway.zone: unknown key; did you mean "timezone"?
3 cloud.token: a secret does not belong in this file; write ${file:PATH} or ${env:NAME}
3 cloud.url: "ftp://x" is not an address of a cloud; write it as https://cloud.example.com
4 buffer.max_size: 5 is not a size; write a number with B, kB, MB, GB or TB, such as 500 MB
5 defaults.every: 1 is not a duration; write a number with us, ms, s, min, h or d, such as 500ms
5 defaults.publish.on: expected 'sample' or 'change', got 'chang'; did you mean "change"?
6 health.listen: "nowhere" is not an address and port such as 127.0.0.1:9108
10 templates.em24.on: belongs to a device, not to a template
11 templates.em24.byte_ordr: unknown key; did you mean "byte_order"?
13 templates.em24.tags.p.type: expected 'int8-high', 'int8-low', 'uint8-high', 'uint8-low', 'int16', 'uint16', \
'int32', 'uint32', 'int64', 'uint64', 'float16', 'float32', 'float64', 'bcd16', 'bcd32', 'bcd64', 'datetime-unix', \
'datetime-iec' or 'string', got 'int3'; did you mean "int32"?
14 templates.broken.protocol: "modbsu" is not a protocol; did you mean "modbus"?
15 templates.none: the key "protocol" is missing; expected one of modbus, mqtt, opcua, sparkplug
17 connections.a.port: expected a TCP port, 1..65535 (or `modbus: rtu` for a serial line), got ${env:TOKEN}
17 connections.a.prt: unknown key; did you mean "port"?
18 connections.b: no key says which protocol it speaks; did you mean "modbus"?
19 connections.c: speaks opcua and mqtt; expected one protocol
20 connections.d.password: a secret does not belong in this file; write ${file:PATH} or ${env:NAME}
22 devices[0].on: there is no connection "aa"; did you mean "a"?
23 devices[1].use: there is no template "em"; did you mean "em24"?
25 devices[3].use: template "em24" speaks modbus, connection "d" mqtt
26 devices[4].on: the key "on" is missing; expected one of a, b, c, d
30 devices[5].tags.s.deadband: 5% is a share of the range; give the tag a range, such as [0, 2000]
30 devices[5].tags.s.map: 1: "producin" is not a machine state; did you mean "producing"?
30 devices[5].tags.s.map: every change of a mapped tag matters; leave out deadband
31 devices[5].tags.t.scal: unknown key; did you mean "scale"?
32 devices[6].name: the name "m6" is taken by the device on line 27; readings are told apart by it
32 devices[6].tags.p.every: expected a period from 10ms to 1d, got 0.001s
32 devices[6].tags.q.deadband: expected a valid number, or a percentage such as 0.5%, got 'x'
33 devices[7]: the key "tags" is missing
"""
    assert "\n".join(mistakes(tmp_path, text)) + "\n" == expected


def test_a_mistake_in_a_template_is_told_once_however_many_devices_use_it(tmp_path: Path) -> None:
    text = PLANT.replace("scale: 0.0001", "scale: 0") + "  - {name: meter-2, on: line-a, use: em24, unit: 5}\n"
    assert mistakes(tmp_path, HEAD + text) == [
        "10 templates.em24.tags.power_kw.scale: expected a number other than 0, which would make every value the same"
    ]


def test_a_device_that_completes_its_template_is_sound(tmp_path: Path) -> None:
    text = """\
templates: {scale: {protocol: mqtt, tags: {weight_kg: {json: $.w}}}}
connections: {b: {mqtt: "mqtt://h:1883", client_id: c}}
devices: [{name: s1, on: b, use: scale, topic: plant/s1}]
"""
    assert settings(tmp_path, HEAD + text).connections[0].points[0].device_options.topic == "plant/s1"  # type: ignore[attr-defined]


def test_keys_that_a_device_has_beside_its_drivers_are_suggested_too(tmp_path: Path) -> None:
    assert mistakes(tmp_path, HEAD + PLANT.replace("use: em24,", "use: em24, usee: em24,")) == [
        '16 devices[0].usee: unknown key; did you mean "use"?'
    ]


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (told,) = mistakes(tmp_path, HEAD.replace("${env:TOKEN}", "${file:empty}"))
    assert told == "3 cloud.token: expected something that is not empty, got ${file:empty}"


def test_a_secret_that_is_not_there_yet_says_where_to_write_it(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, HEAD.replace("${env:TOKEN}", "${file:absent}"))
    assert told.startswith("3 cloud.token: ${file:absent}: ")
    assert told.endswith("(No such file or directory); write the secret into it, mode 600, owned by the gateway's user")


def test_sections_of_the_wrong_form_are_told_and_the_rest_is_still_judged(tmp_path: Path) -> None:
    text = "templates: [1]\nconnections: {a: 5, b: {modbus: tcp}}\ndevices: {x: 1}\n"
    assert mistakes(tmp_path, HEAD + text) == [
        "5 templates: expected keys and values",
        "6 connections.a: expected keys and values, got 5",
        '6 connections.b: the key "host" is missing',
        "7 devices: expected a valid list",
    ]


def test_names_may_be_numbers(tmp_path: Path) -> None:
    text = (
        "connections: {7: {modbus: tcp, host: h}}\ndevices: [{name: 4711, on: 7, machine: 12, tags: {1: {coil: 4}}}]\n"
    )
    (connection,) = settings(tmp_path, HEAD + text).connections
    (point,) = connection.points
    assert (connection.name, point.device, point.name, point.device_options.machine) == ("7", "4711", "1", "12")


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:9", "::1", 9), ("localhost:80", "localhost", 80)],
)
def test_the_health_page_listens_where_it_is_told(tmp_path: Path, listen: str, host: str, port: int) -> None:
    found = settings(tmp_path, HEAD + f"health: {{listen: '{listen}'}}\n" + PLANT)
    assert (found.health.listen.host, found.health.listen.port) == (host, port)


def test_the_annotated_example_is_sound_and_shows_every_key(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "deploy" / "edge.example.yaml"
    text = example.read_text(encoding="utf-8")
    (tmp_path / "edge-token").write_text("t\n", encoding="utf-8")
    (tmp_path / "head-office-token").write_text("t\n", encoding="utf-8")
    path = tmp_path / "edge.yaml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "meters.csv").write_bytes((example.parent / "meters.csv").read_bytes())
    found = load(path, {"BROKER_PASSWORD": "p", "BROKER_KEY_PASSWORD": "k", "PLC7_PASSWORD": "q"})
    assert [(connection.name, len(connection.points)) for connection in found.connections] == [
        ("line-a", 33),
        ("plc-7", 8),
        ("broker", 6),
        ("host", 1),
    ]
    missing = {key for key in _every_key() if not re.search(rf"\b{key}:", text)}
    assert missing == set()


def _every_key() -> set[str]:
    """Every key of every model that a configuration is made of."""
    keys: set[str] = set()
    for definition in [json_schema(known_drivers()), *json_schema(known_drivers())["$defs"].values()]:
        keys |= definition.get("properties", {}).keys()
    return keys


@pytest.mark.parametrize("token", ["s3cret\nlines", " s3cret", "s\u00fcss3cret"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    (tmp_path / "odd").write_text(token, encoding="utf-8")
    (told,) = mistakes(tmp_path, HEAD.replace("${env:TOKEN}", "${file:odd}"))
    assert told.startswith("3 cloud.token: holds characters that no token has")
    assert "s3cret" not in told


def test_a_variable_that_is_not_set_is_told_once_and_what_needs_it_is_not_blamed(tmp_path: Path) -> None:
    plc = """\
connections:
  plc:
    opcua: opc.tcp://h:4840
    security: {policy: Basic256Sha256}
    user: {name: mes, password: "${env:ABSENT}"}
"""
    (told,) = mistakes(tmp_path, HEAD + plc)
    assert "connections.plc.user.password: ${env:ABSENT}: the environment variable ABSENT is not set" in told
    (told,) = mistakes(tmp_path, HEAD + plc.replace(', password: "${env:ABSENT}"', ""))
    assert "connections.plc.user: expected `name` with `password`" in told


def test_a_limit_is_told_in_the_unit_in_which_it_was_passed(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, HEAD.replace("{path: state/buffer.db}", "{path: state/buffer.db, max_size: 5 MB}"))
    assert told == "4 buffer.max_size: expected at least 10 MB, got '5 MB'"
    (told,) = mistakes(tmp_path, HEAD + "connections: {a: {opcua: 'opc.tcp://h:4840', timeout: 100s}}\n")
    assert told == "5 connections.a.timeout: expected at most 1min, got '100s'"


def test_a_reference_to_a_name_that_no_file_can_have_is_a_mistake(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, HEAD.replace("${env:TOKEN}", r"${file:a\0b}"))
    assert "no file has such a name" in told


def test_an_environment_that_is_no_text_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "ODD", "\udcff")
    (told,) = mistakes(tmp_path, HEAD.replace("id: izmir-hall2", 'id: "${env:ODD}"'))
    assert told == "2 gateway.id: ${env:ODD}: its value is not UTF-8 text"


def test_the_schema_writes_a_heartbeat_as_people_do() -> None:
    heartbeat = json_schema(known_drivers())["$defs"]["PublishOptions"]["properties"]["heartbeat"]
    pattern = re.compile(heartbeat["anyOf"][0]["pattern"])
    assert [bool(pattern.search(text)) for text in ("off", "5min", "300", "offer")] == [True, True, False, False]
    assert "300" not in str(heartbeat)


def test_a_drivers_objection_to_a_whole_connection_is_told_with_its_line(tmp_path: Path) -> None:
    def judge(options: ConnectionOptions, points: Sequence[Point]) -> Iterator[Objection]:
        assert [point.name for point in points] == ["power_kw", "alarm"]
        yield ("port",), "is too busy"
        yield (), "asks too much"

    path = tmp_path / "edge.yaml"
    path.write_text(HEAD + PLANT, encoding="utf-8")
    specs = known_drivers()
    with pytest.raises(ConfigMistakes) as caught:
        load(path, ENVIRON, {**specs, "modbus": replace(specs["modbus"], judge=judge)})
    line = HEAD.count("\n") + 1 + PLANT[: PLANT.index("line-a")].count("\n")
    assert [(mistake.line, mistake.path, mistake.message) for mistake in caught.value.mistakes] == [
        (line, "connections.line-a", "asks too much"),
        (line, "connections.line-a.port", "is too busy"),
    ]


@pytest.mark.parametrize("listen", ["0.0.0.0:9108", "10.2.0.3:9108", "[::]:9108"])
def test_a_page_that_others_can_reach_needs_a_token(tmp_path: Path, listen: str) -> None:
    (mistake,) = mistakes(tmp_path, HEAD + f'health: {{listen: "{listen}"}}\n')
    assert mistake.startswith("5 health")
    assert "a `token` is needed" in mistake
    with_token = HEAD + f'health: {{listen: "{listen}", token: "${{env:TOKEN}}"}}\n'
    assert not settings(tmp_path, with_token).health.is_local


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:9108", "localhost:9108"])
def test_on_loopback_no_token_is_needed(tmp_path: Path, listen: str) -> None:
    assert settings(tmp_path, HEAD + f'health: {{listen: "{listen}"}}\n').health.is_local


def test_a_token_of_the_page_is_not_written_into_the_file(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, HEAD + "health: {token: a-secret-that-is-written-here}\n")
    assert "does not belong in this file" in mistake


def test_two_connections_on_one_serial_port_or_one_name_at_a_broker_are_a_mistake(tmp_path: Path) -> None:
    text = """\
connections:
  a: {modbus: rtu, port: /dev/ttyUSB0}
  b: {modbus: ascii, port: /dev/ttyUSB0, baud: 9600}
  c: {modbus: rtu, port: /dev/ttyUSB1}
  d: {modbus: tcp, host: 10.0.0.1}
  e: {modbus: tcp, host: 10.0.0.1}
  f: {mqtt: "mqtt://10.0.0.2", client_id: hall}
  g: {sparkplug: "mqtt://10.0.0.2:1883", client_id: hall, host_id: hall}
  h: {mqtt: "mqtt://10.0.0.3", client_id: hall}
"""
    port, name = mistakes(tmp_path, HEAD + text)
    assert port.startswith(
        '7 connections.b.port: /dev/ttyUSB0 is taken by connection "a" on line 6; a line has one master'
    )
    assert name.startswith(
        '12 connections.g.client_id: client_id hall at 10.0.0.2:1883 is taken by connection "f" on line 11; '
    )


def test_a_key_that_no_line_can_hold_is_told_on_one_line(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, HEAD + 'defaults: {"a\\nb": 1}\n')
    assert mistake.startswith("5 defaults.a\\nb: unknown key")


def test_a_key_of_tags_that_stands_beside_them_is_told_where_it_belongs(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, HEAD + PLANT.replace("unit: 4,", "unit: 4, deadband: 2,"))
    assert "16 devices[0].deadband: unknown key; `deadband` belongs to a tag: write it into each" in told


OFFICE = 'destinations:\n  office: {url: "https://office.example.com", token: "${env:TOKEN}", max_in_flight: 2}\n'


def test_more_clouds_stand_beside_the_first_each_with_its_own_keys(tmp_path: Path) -> None:
    first, office = settings(tmp_path, HEAD + OFFICE + PLANT).destinations
    assert (first.name, first.options.url) == ("cloud", "https://cloud.example.com")
    assert (office.name, office.options.url, office.options.max_in_flight) == (
        "office",
        "https://office.example.com",
        2,
    )
    (alone,) = settings(tmp_path, HEAD + PLANT).destinations
    assert alone == first, "a file without destinations is what it was"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("office:", "cloud:", '6 destinations.cloud: "cloud" is the first destination'),
        ("office:", '"head office":', '6 destinations.head office: "head office" is no name of a destination'),
        (
            "office.example",
            "cloud.example",
            '7 destinations.office.url: https://cloud.example.com is where "cloud" goes',
        ),
        ("max_in_flight", "configures", "destinations.office.configures: unknown key"),
        ("${env:TOKEN}", "inline", "destinations.office.token: a secret does not belong in this file"),
    ],
)
def test_a_mistake_in_a_destination_is_told_where_it_stands(tmp_path: Path, old: str, new: str, said: str) -> None:
    (found,) = mistakes(tmp_path, HEAD + OFFICE.replace(old, new, 1) + PLANT)
    assert said.partition(" ")[2] in found
