"""The command line as a user meets it: what it prints where, and its exit codes."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
import typer.main
import yaml

from edge.cli import app as cli
from edge.cli.exits import EXIT_CONFIG
from edge.errors import ConfigError
from tests.fakes.terminal import SOUND, Tezgah


def test_a_sound_configuration_is_summed_up(tezgah: Tezgah, config: Path) -> None:
    done = tezgah("check", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is sound: gateway hall, cloud http://127.0.0.1:1" in done.stdout
    assert "connection idle has no devices" in done.stdout
    assert not (config.parent / "state").exists(), "a check touches nothing"


def test_a_sound_configuration_is_summed_up_for_programs(tezgah: Tezgah, config: Path) -> None:
    document = json.loads(tezgah("check", config, "--json").stdout)
    assert document["ok"] is True
    assert document["connections"] == [
        {"name": "line", "protocol": "modbus", "devices": 1, "tags": 2, "classes": {"process": 2}}
    ]
    assert document["unused"] == ["idle"]


def test_computed_tags_are_counted_with_the_others(tezgah: Tezgah, config: Path) -> None:
    config.write_text(SOUND.replace("on: line,", "on: line, compute: {both: a + b},"), encoding="utf-8")
    (line,) = json.loads(tezgah("check", config, "--json").stdout)["connections"]
    assert (line["tags"], line["classes"]) == (3, {"process": 3})


def test_mistakes_are_told_on_standard_error_with_78(tezgah: Tezgah, config: Path) -> None:
    config.write_text(SOUND.replace("{id: hall}", "{idd: hall}"), encoding="utf-8")
    done = tezgah("check", config)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        "error: 2 mistakes in the configuration",
        f'{config}:2: gateway: the key "id" is missing',
        f'{config}:2: gateway.idd: unknown key; did you mean "id"?',
    ]
    assert tezgah("run", config).returncode == 78


def test_mistakes_are_told_for_programs_with_78(tezgah: Tezgah, config: Path) -> None:
    config.write_text(SOUND.replace("gateway: {id: hall}", "gateway: {}"), encoding="utf-8")
    done = tezgah("check", config, "--json")
    assert done.returncode == 78
    assert json.loads(done.stdout) == {
        "ok": False,
        "file": str(config),
        "mistakes": [{"line": 2, "path": "gateway", "message": 'the key "id" is missing', "file": str(config)}],
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["run", "--help"], 0),
        (["version"], 0),
        ([], 64),
        (["rnu"], 64),
        (["run"], 64),
        (["check", "--no"], 64),
    ],
)
def test_exit_codes_are_those_that_help_lists(tezgah: Tezgah, arguments: list[str], code: int) -> None:
    assert tezgah(*arguments).returncode == code


def test_every_command_explains_itself() -> None:
    group = typer.main.get_command(cli.app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        assert all(getattr(parameter, "help", None) for parameter in command.params), name


def test_a_place_that_cannot_be_written_is_told_without_a_traceback(tezgah: Tezgah, config: Path) -> None:
    (config.parent / "state").write_text("in the way", encoding="utf-8")
    done = tezgah("run", config)
    assert done.returncode == 78
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(ConfigError):
        tezgah("--debug", "run", config)


def test_a_status_of_nobody_is_a_failure(tezgah: Tezgah, tmp_path: Path) -> None:
    done = tezgah("status", "--state-dir", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no daemon works in {tmp_path}")
    assert tezgah("status", "--url", "http://127.0.0.1:1").returncode == 1


def test_the_printed_schema_fits_the_printed_configuration(tezgah: Tezgah, config: Path) -> None:
    schema = json.loads(tezgah("schema").stdout)
    jsonschema_rs.Draft202012Validator(schema).validate(yaml.safe_load(SOUND.replace(" on:", ' "on":')))


@pytest.mark.parametrize("as_json", [False, True])
def test_check_finds_what_only_a_driver_can_see(tezgah: Tezgah, tmp_path: Path, as_json: bool) -> None:
    path = tmp_path / "edge.yaml"
    scales = [
        f"{{name: {n}, on: b, topic: {topic}, tags: {{w: {{json: $.w}}}}}}"
        for n, topic in (("ab", "a/+"), ("c", "a/b"))
    ]
    sound = SOUND.replace("idle: {opcua", "b: {mqtt: 'mqtt://h', client_id: x}, idle: {opcua")
    path.write_text(sound.replace("devices: [", f"devices: [{', '.join(scales)}, "), encoding="utf-8")
    done = tezgah("check", path, *(["--json"] if as_json else []))
    assert done.returncode == EXIT_CONFIG
    assert "match the same messages" in (done.stdout if as_json else done.stderr)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.yaml", "No such file or directory; check the name, or let `tezgah-edge init` write a first one"),
        (".", "Is a directory; name the file in it, such as edge.yaml"),
    ],
)
@pytest.mark.parametrize("command", ["check", "run", "plan", "read", "buffer stat"])
def test_a_configuration_that_is_not_there_is_told_with_the_next_step(
    tezgah: Tezgah, tmp_path: Path, command: str, name: str, told: str
) -> None:
    done = tezgah(*command.split(), tmp_path / name)
    assert (done.returncode, done.stdout) == (78, "")
    assert f"{tmp_path / name}:1: cannot be read: {told}" in done.stderr


def test_a_bundle_of_nothing_is_not_made(tezgah: Tezgah, tmp_path: Path) -> None:
    done = tezgah("support-bundle", tmp_path / "none.yaml", "--output", tmp_path / "bundle.tar.gz")
    assert done.returncode == 78
    assert "none.yaml is no configuration" in done.stderr
    assert not (tmp_path / "bundle.tar.gz").exists()


def test_a_word_that_no_tag_has_leads_to_the_devices(tezgah: Tezgah, config: Path) -> None:
    done = tezgah("read", config, "presure")
    assert done.returncode == 1
    assert "no tag has 'presure' in its name; devices are" in done.stderr


def test_browse_without_a_connection_names_those_there_are(tezgah: Tezgah, config: Path) -> None:
    done = tezgah("browse", config)
    assert done.returncode == 64
    assert "line, idle" in done.stderr


def test_for_programs_too_it_is_told_why_nothing_was_read(tezgah: Tezgah, config: Path) -> None:
    config.write_text(SOUND.replace("host: h", "host: 127.0.0.1, port: 1"), encoding="utf-8")
    done = tezgah("read", config, "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "connection line (modbus): line: no Modbus server takes connections at 127.0.0.1:1" in done.stderr
