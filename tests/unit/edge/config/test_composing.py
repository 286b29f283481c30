"""The own file and the cloud's document: what the document may say, and that it can reach no file and no secret."""

from pathlib import Path

import pytest

from edge.config.composing import beside
from edge.config.files import Files
from edge.config.mistakes import ConfigMistakes
from edge.settings import Settings, load

OWN = """\
version: 1
gateway: {id: hall-2, site: Izmir}
cloud: {url: "https://cloud.example.com", token: "${env:TOKEN}", configures: LEVEL}
buffer: {path: state/buffer.db}
defaults: {every: 1s}
templates:
  press: {protocol: modbus, tags: {count: {register: holding 0, type: uint32}}}
connections:
  line-a: {modbus: tcp, host: 10.0.0.1}
  broker: {mqtt: "mqtt://10.0.0.2:1883", client_id: hall-2, username: a, password: "${env:BROKER}"}
devices:
  - {name: press-a, use: press, on: line-a}
  - {import: presses.csv}
"""
ENVIRON = {"TOKEN": "tzg_token", "BROKER": "a-secret-of-the-plant", "OTHER": "another-secret"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "presses.csv").write_text("name,use,on\npress-b,press,line-a\n", encoding="utf-8")
    return write(tmp_path / "edge.yaml", "connections")


def write(file: Path, level: str) -> Path:
    file.write_text(OWN.replace("LEVEL", level), encoding="utf-8")
    return file


def composed(file: Path, document: str) -> Settings:
    given = {str(beside(file).absolute()): document.encode()}
    return load(file, ENVIRON, files=Files(given=given))


def mistakes(file: Path, document: str) -> list[str]:
    with pytest.raises(ConfigMistakes) as refusal:
        composed(file, document)
    assert not any(secret in refusal.value.message for secret in ENVIRON.values())
    return [f"{mistake.line}: {mistake.path}: {mistake.message}" for mistake in refusal.value.mistakes]


def names(settings: Settings) -> dict[str, set[str]]:
    return {
        connection.name: {f"{point.device}.{point.name}" for point in connection.points}
        for connection in settings.connections
    }


def test_a_section_that_the_document_has_takes_the_place_of_the_own_one(file: Path) -> None:
    found = composed(file, "devices:\n  - {name: press-c, use: press, on: line-a}\n")
    assert names(found) == {"line-a": {"press-c.count"}}
    assert found.gateway.site == "Izmir"
    assert found.cloud.token.get_secret_value() == "tzg_token"


def test_what_the_document_leaves_out_is_the_own_files_imports_and_all(file: Path) -> None:
    found = composed(file, "defaults: {every: 5s}\n")
    assert names(found) == {"line-a": {"press-a.count", "press-b.count"}}
    assert {point.every_s for connection in found.connections for point in connection.points} == {5.0}


def test_a_whole_file_that_says_of_the_own_matters_what_the_own_one_says_is_taken(file: Path) -> None:
    whole = file.read_text(encoding="utf-8").replace("  - {import: presses.csv}\n", "")
    assert names(composed(file, whole)) == {"line-a": {"press-a.count"}}


def test_where_nothing_may_be_set_the_document_is_passed_over(file: Path) -> None:
    write(file, "nothing")
    assert names(composed(file, "devices: []\n")) == {"line-a": {"press-a.count", "press-b.count"}}


@pytest.mark.parametrize(
    "line",
    [
        "gateway: {id: another}",
        "gateway: {id: hall-2, rollback_after: off}",
        'cloud: {url: "https://thief.example.com", token: "${env:TOKEN}"}',
        "buffer: {path: /etc/cron.d/x}",
        'health: {listen: "0.0.0.0:9108"}',
    ],
)
def test_who_the_gateway_is_and_where_it_sends_is_its_own_matter(file: Path, line: str) -> None:
    (told,) = mistakes(file, f"devices: []\n{line}\n")
    section = line.partition(":")[0]
    assert told.startswith(f"2: {section}: is set at the gateway only")


def test_a_connection_with_a_secret_is_the_own_files(file: Path) -> None:
    thief = 'mqtt: "mqtt://thief.example.com:1883", client_id: hall-2, username: a, password: "${env:BROKER}"'
    moved = f"connections:\n  broker: {{{thief}}}\ndevices: []\n"
    assert mistakes(file, moved) == [
        "2: connections.broker: is set at the gateway only; leave it out, or write it as the gateway's own file does"
    ]
    added = "connections:\n  line-z: {modbus: tcp, host: 10.0.0.9}\ndevices:\n  - {name: z, use: press, on: line-z}\n"
    added += "  - {name: s, on: broker, topic: a/b, json: {v: $.v}}\n"
    assert names(composed(file, added)) == {"line-z": {"z.count"}, "broker": {"s.v"}}


@pytest.mark.parametrize("reference", ["${env:OTHER}", "${env:BROKER}", "${file:/etc/passwd}", "a-${env:OTHER}-b"])
def test_no_reference_of_the_documents_is_looked_up(file: Path, reference: str) -> None:
    thief = f'mqtt: "mqtt://t.example.com", client_id: x, username: a, password: "{reference}"'
    told = mistakes(file, f"connections:\n  t: {{{thief}}}\ndevices: []\n")
    assert any("a reference is looked up in the gateway's own file only" in line for line in told)
    topic = f'devices:\n  - {{name: s, on: broker, topic: "{reference}", json: {{v: $.v}}}}\n'
    (told_topic,) = mistakes(file, topic)
    assert told_topic.startswith("2: devices[0].topic: a reference is looked up")


def test_no_file_is_read_for_the_document(file: Path) -> None:
    assert mistakes(file, "devices:\n  - {import: /etc/passwd}\n")[0].startswith("2: devices[0].import: files are read")


def test_where_only_devices_may_be_set_connections_may_stand_as_they_are(file: Path) -> None:
    write(file, "devices")
    same = "connections:\n  line-a: {modbus: tcp, host: 10.0.0.1}\ndevices: [{name: c, use: press, on: line-a}]\n"
    assert names(composed(file, same)) == {"line-a": {"c.count"}}
    other = "connections:\n  line-a: {modbus: tcp, host: 10.0.0.8}\n  line-b: {modbus: tcp, host: 10.0.0.9}\n"
    told = mistakes(file, other)
    assert [line.partition(";")[0] for line in told] == [
        "2: connections.line-a: is set at the gateway only",
        "3: connections.line-b: this gateway takes no connections from the cloud (cloud.configures: devices)",
    ]


def test_mistakes_stand_at_the_documents_lines_all_at_once(file: Path) -> None:
    told = mistakes(file, "devices:\n  - {name: a, on: line-x, use: press}\n  - {name: b, on: line-a, use: pres}\n")
    assert [line.partition(":")[0] for line in told] == ["2", "3"]
    assert 'did you mean "press"' in told[1]


@pytest.mark.parametrize("document", ["", "- 1\n", "devices: [\n", "devices: !!python/object {}\n", "a: &x 1\nb: *x\n"])
def test_what_is_no_configuration_is_a_mistake_and_no_traceback(file: Path, document: str) -> None:
    assert len(mistakes(file, document)) == 1


def test_an_escaped_dollar_is_no_reference(file: Path) -> None:
    found = composed(file, 'devices:\n  - {name: "s$${x}", on: broker, topic: a/b, json: {v: $.v}}\n')
    assert names(found) == {"broker": {"s${x}.v"}}


def test_a_start_with_what_was_remembered_reads_neither_file(file: Path) -> None:
    before = composed(file, "devices:\n  - {name: press-c, use: press, on: line-a}\n")
    file.write_text("nonsense", encoding="utf-8")
    again = load(file, ENVIRON, files=Files(dict(before.contents)))
    assert names(again) == {"line-a": {"press-c.count"}}
    assert again.fingerprint == before.fingerprint
