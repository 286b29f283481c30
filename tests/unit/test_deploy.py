"""What is deployed, held as far as it can be without an engine: every path, command, port and setting is real."""

import ast
import fnmatch
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud.settings import Settings
from edge.cli.exits import EXIT_CONFIG
from edge.settings import load
from simulators.plant import plant

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
# of docker compose itself; everything else in .env.example is a setting of the cloud
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "ADMIN_PASSWORD"}
SECRET = re.compile("SECRET|PASSWORD|TOKEN$|DATABASE_URL")
Parse = Callable[[Sequence[str]], dict[str, Any]]
VARIABLE = re.compile(r"\$\{(\w+)(:\?|:-)?([^}]*)\}")


# --- what the files say -------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """One stage of the Dockerfile."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [words for step, words in self.steps if step == keyword]


def dockerfile() -> dict[str, Stage]:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    logical = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    stages: dict[str, Stage] = {}
    for line in filter(str.strip, logical.splitlines()):
        keyword, words = line.split(maxsplit=1)
        if keyword == "FROM":
            base, _, name = words.split()
            stages[name] = Stage(base)
        else:
            stages[name].steps.append((keyword, " ".join(words.split())))
    return stages


STAGES = dockerfile()
TARGETS = sorted(name for name, stage in STAGES.items() if stage.all("ENTRYPOINT"))


def lineage(name: str) -> list[Stage]:
    """The stage and those it is built on, itself last."""
    stages: list[Stage] = []
    while name in STAGES:
        stages.insert(0, STAGES[name])
        name = STAGES[name].base
    return stages


def copied(name: str) -> list[str]:
    """What a target takes from the repository, through the stages it copies from too."""
    sources: list[str] = []
    for stage in lineage(name):
        for words in stage.all("COPY"):
            *paths, _ = words.split()
            if paths[0].startswith("--from="):
                sources += copied(paths[0].removeprefix("--from="))
            else:
                sources += paths
    return sources


def unit_file(name: str) -> list[tuple[str, str]]:
    lines = (ROOT / "deploy" / name).read_text(encoding="utf-8").splitlines()
    return [(key, value) for key, _, value in (line.partition("=") for line in lines if re.match("[A-Z]", line))]


UNITS = {name: unit_file(name) for name in ("tezgah-edge.service", "tezgah-cloud.service")}


def setting(unit: str, key: str) -> str:
    """The only value of a key."""
    (value,) = (value for name, value in UNITS[unit] if name == key)
    return value


def command_of(service: str) -> list[str]:
    """What a service of ours runs: its own words, or the image's."""
    stage = STAGES[SERVICES[service]["build"]["target"]]
    entrypoint = SERVICES[service].get("entrypoint") or json.loads(stage.all("ENTRYPOINT")[0])
    return [*entrypoint, *(SERVICES[service].get("command", json.loads(stage.all("CMD")[0])))]


def after(option: str, words: list[str]) -> str:
    return words[words.index(option) + 1]


def bound(service: str) -> Iterator[tuple[str, str]]:
    """Source and target of each mount."""
    for volume in SERVICES[service].get("volumes", ()):
        source, target, *_ = volume.split(":")
        yield source, target


# --- docker compose -----------------------------------------------------------------------------------------------


def test_compose_has_the_whole_plant() -> None:
    assert set(SERVICES) == {"postgres", "mosquitto", "simulators", "setup", "cloud", "edge"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "network_mode", "devices"} & service.keys()
    if name not in OURS:
        assert service["user"] not in ("root", "0"), "an image of others starts as root unless told"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_again_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    if name == "setup":
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_be_waited_for(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        match wanted["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[other]
            case "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"
            case condition:
                assert condition == "service_started"
                assert other in SERVICES


@pytest.mark.parametrize("name", OURS)
def test_an_image_of_ours_is_built_from_a_target_that_exists(name: str) -> None:
    build = SERVICES[name]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()
    assert build["target"] in TARGETS
    assert SERVICES[name]["image"] == f"tezgah-{build['target']}"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_an_image_of_others_has_a_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"\d", tag)


def test_every_file_that_is_mounted_exists_and_every_volume_is_declared_and_used() -> None:
    sources = {source for name in SERVICES for source, _ in bound(name)}
    files = {source for source in sources if source.startswith(".")}
    assert files
    assert [source for source in files if not (ROOT / source).is_file()] == []
    assert sources - files == set(COMPOSE["volumes"])


def test_no_secret_is_written_down_and_a_missing_one_is_asked_for() -> None:
    asked = set()
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if not SECRET.search(key):
                continue
            (variable, kind, words) = VARIABLE.findall(value)[0]
            if variable.startswith("TEZGAH_S3_"):  # of a store that nobody needs to have
                assert kind == ":-"
                continue
            assert kind == ":?", f"{name}.{key} does without ${{{variable}}}"
            assert variable in words, "the message names what is to be set"
            asked.add(variable)
    assert asked == {"SECRET_KEY", *COMPOSE_ONLY}


def test_every_variable_is_in_the_example_and_is_a_setting() -> None:
    example = dict(
        re.findall(r"^#?([A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    )
    used = {variable for variable, _, _ in VARIABLE.findall((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))}
    given = {key for name in ("setup", "cloud") for key in SERVICES[name]["environment"]}
    settings = {"SECRET_KEY" if name == "secret_key" else f"TEZGAH_{name.upper()}" for name in Settings.model_fields}
    assert used <= example.keys()
    places = {"TEZGAH_DATA_DIR", "TEZGAH_PHOTOS_DIR"} | {
        name for name in settings if name.startswith("TEZGAH_LOG_FILE")
    }
    assert given == settings - places | {"ADMIN_PASSWORD"}
    assert example.keys() == settings | COMPOSE_ONLY


def test_what_the_example_does_not_set_is_as_if_compose_did_not_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in SERVICES["cloud"]["environment"].items():
        variable, _, default = VARIABLE.findall(value)[0]
        if key == variable:
            monkeypatch.setenv(key, default)
    monkeypatch.setenv("SECRET_KEY", "x" * 32)
    assert Settings(_env_file=None) == Settings(_env_file=None, secret_key="x" * 32)  # type: ignore[call-arg, arg-type]


def test_the_example_shows_each_settings_default() -> None:
    example = dict(
        re.findall(r"^#(TEZGAH_\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    )
    example.pop("TEZGAH_DATABASE_URL")
    # one that is empty is as if it were not there
    given = {key: value.replace("~", str(Path.home())) for key, value in example.items() if value}
    shown = Settings.model_validate(
        {key.removeprefix("TEZGAH_").lower(): value for key, value in given.items()} | {"secret_key": "x" * 32}
    )
    assert shown == Settings(_env_file=None, secret_key="x" * 32)  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize("name", OURS)
def test_a_command_is_one_that_its_command_line_takes(name: str, parsed: Parse) -> None:
    words = command_of(name)
    if name == "setup":
        assert words[0] == "python"
        mounted = {target for _, target in bound(name)}
        assert set(words[1:3]) <= mounted
        assert str(Path(words[3]).parent) in mounted
        return
    assert parsed(words)
    for path in (word for word in words if word.startswith("/etc/")):
        assert path in {target for _, target in bound(name)}


# --- the plant in compose -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def edge_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gateway's configuration with the token's file where it can be read here."""
    directory = tmp_path_factory.mktemp("compose")
    (directory / "edge-token").write_text("tzg_", encoding="ascii")
    (directory / "page-token").write_text("x" * 24, encoding="ascii")
    text = (ROOT / "deploy" / "compose" / "edge.yaml").read_text(encoding="utf-8")
    path = command_of("setup")[3]
    assert f"${{file:{path}}}" in text, "`setup` puts the token elsewhere"
    file = directory / "edge.yaml"
    beside = str(Path(path).with_name("page-token"))
    file.write_text(text.replace(path, "edge-token").replace(beside, "page-token"), encoding="utf-8")
    return file


def test_the_gateway_reads_every_signal_of_the_simulated_plant(edge_file: Path) -> None:
    settings = load(edge_file, {})
    read = {
        (point.device_options.machine, point.name) for connection in settings.connections for point in connection.points
    }
    assert settings.unused == ()
    assert read == {(machine.code, signal.name) for machine in plant() for signal in machine.signals}


def test_the_gateway_and_its_machines_are_those_that_setup_makes(edge_file: Path) -> None:
    made = json.loads((ROOT / "deploy" / "compose" / "plant.json").read_text(encoding="utf-8"))
    assert [gateway["id"] for gateway in made["gateways"]] == [load(edge_file, {}).gateway.id]
    assert {machine["code"] for machine in made["machines"]} == {machine.code for machine in plant()}
    assert "users" not in made, "their passwords would be known to everybody"


def test_the_compose_plant_measures_what_the_demo_does() -> None:
    files = (ROOT / "deploy" / "compose" / "edge.yaml", ROOT / "simulators" / "demo" / "edge.yaml")
    mine, demo = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    assert mine["templates"] == demo["templates"]
    assert mine["devices"] == demo["devices"]


def test_the_ports_agree(edge_file: Path, parsed: Parse) -> None:
    text = (ROOT / "deploy" / "compose" / "edge.yaml").read_text(encoding="utf-8")
    sim, cloud = parsed(command_of("simulators")), parsed(command_of("cloud"))
    broker = re.search(r"^listener (\d+)$", (ROOT / "deploy" / "mosquitto.conf").read_text(), re.MULTILINE)
    assert broker is not None
    health = load(edge_file, {}).health.listen
    # what serves beyond its own container listens on every address of it
    assert (health.host, sim["host"], cloud["host"]) == ("0.0.0.0",) * 3
    assert f"opc.tcp://simulators:{sim['opcua_port']}" in text
    assert f"host: simulators, port: {sim['modbus_port']}" in text
    assert f"mqtt://mosquitto:{broker[1]}" in text
    assert sim["broker"] == f"mosquitto:{broker[1]}"
    assert after("-p", SERVICES["mosquitto"]["healthcheck"]["test"]) == broker[1]
    assert f"url: http://cloud:{cloud['port']}" in text
    for name, port in (("cloud", cloud["port"]), ("edge", health.port)):
        assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert f"http://127.0.0.1:{port}/health" in SERVICES[name]["healthcheck"]["test"][-1]
        assert STAGES[name].all("EXPOSE") == [str(port)]
    assert STAGES["simulators"].all("EXPOSE") == [f"{sim['opcua_port']} {sim['modbus_port']}"]
    assert f"({sim['opcua_port']}, {sim['modbus_port']})" in SERVICES["simulators"]["healthcheck"]["test"][-1]


# --- images -------------------------------------------------------------------------------------------------------


def test_every_base_is_a_stage_or_an_image_with_a_version() -> None:
    bases = {stage.base for stage in STAGES.values()} - STAGES.keys()
    assert bases == {"python:3.11-slim-bookworm"}


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_built_from_files_that_exist_and_are_sent_to_the_engine(target: str) -> None:
    *patterns, _ = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    sent = [pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")]
    assert "*" in patterns
    sources = copied(target)
    assert "pyproject.toml" in sources
    for source in sources:
        assert (ROOT / source).exists(), f"COPY {source}"
        assert any(fnmatch.fnmatch(source, pattern) for pattern in sent), f".dockerignore keeps {source} back"


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_holds_every_package_that_its_code_imports(target: str) -> None:
    packages = {source for source in copied(target) if (ROOT / source).is_dir()}
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    imported = {
        name.split(".")[0]
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported & ours == packages
    script = json.loads(STAGES[target].all("ENTRYPOINT")[0])[0]
    assert PROJECT["scripts"][script].split(".")[0] in packages


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_installs_its_extras_and_runs_without_rights_in_the_foreground(target: str, parsed: Parse) -> None:
    build = STAGES[target].all("COPY")[0].split()[0].removeprefix("--from=")
    installs = [words for stage in lineage(build) for words in stage.all("RUN") if words.startswith("pip ")]
    extras = [extra for words in installs for named in re.findall(r"\.\[(.*?)\]", words) for extra in named.split(",")]
    # the service of the plant in compose trains models, too
    assert extras == {"edge": ["edge"], "cloud": ["cloud", "ml"], "simulators": ["sim"]}[target]
    assert set(extras) <= PROJECT["optional-dependencies"].keys()
    assert all("--constraint constraints.txt" in words or "--no-deps" in words for words in installs)
    assert any("PIP_NO_CACHE_DIR=1" in words for stage in lineage(build) for words in stage.all("ENV"))
    # numbers, and not root's; the exec form, so that the signal to stop reaches our process
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", STAGES[target].all("USER")[0])
    assert parsed([*json.loads(STAGES[target].all("ENTRYPOINT")[0]), *json.loads(STAGES[target].all("CMD")[0])])


@pytest.mark.parametrize("target", TARGETS)
def test_a_directory_that_is_written_belongs_to_the_images_user(target: str) -> None:
    (owned,) = (words for words in STAGES["base"].all("RUN") if "install --directory" in words)
    user, group = STAGES[target].all("USER")[0].split(":")
    assert f"--uid {user} --gid {group}" in owned
    assert f"--owner={user} --group={group}" in owned
    directories = owned.split(f"--group={group}")[1].split()
    written = {STAGES[target].all("VOLUME")[0], STAGES[target].all("WORKDIR")[0]}
    for name in OURS:
        if SERVICES[name]["build"]["target"] == target:
            written |= {where for source, where in bound(name) if not source.startswith(".")}
    assert written <= set(directories)


# --- units --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_runs_a_command_that_its_command_line_takes(unit: str, parsed: Parse) -> None:
    program, *arguments = setting(unit, "ExecStart").split()
    assert parsed([Path(program).name, *arguments])


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_hardened(unit: str) -> None:
    held = {
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "NoNewPrivileges": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "CapabilityBoundingSet": "",
        "RestrictSUIDSGID": "yes",
        "Restart": "on-failure",
    }
    assert {key: setting(unit, key) for key in held} == held
    assert ("SystemCallFilter", "@system-service") in UNITS[unit]
    assert {"DynamicUser", "User"} & {key for key, _ in UNITS[unit]}
    assert setting(unit, "StateDirectory") == {"tezgah-edge.service": "tezgah"}.get(unit, "tezgah-cloud")


def test_the_edges_unit_and_the_daemon_agree() -> None:
    unit = "tezgah-edge.service"
    assert setting(unit, "Type") == "notify"
    assert int(setting(unit, "RestartPreventExitStatus")) == EXIT_CONFIG
    assert int(setting(unit, "TimeoutStopSec")) > 10
    assert int(setting(unit, "WatchdogSec")) >= 10
    name, _ = setting(unit, "LoadCredential").split(":")
    reference = f"${{file:/run/credentials/{unit}/{name}}}"
    assert reference in (ROOT / "deploy" / unit).read_text(encoding="utf-8")
    assert reference in (ROOT / "docs" / "edge.md").read_text(encoding="utf-8")


def test_the_clouds_unit_and_its_guide_agree_where_its_settings_are() -> None:
    unit = "tezgah-cloud.service"
    guide = (ROOT / "docs" / "cloud.md").read_text(encoding="utf-8")
    home, user = setting(unit, "WorkingDirectory"), setting(unit, "User")
    assert home == f"/var/lib/{setting(unit, 'StateDirectory')}"
    assert f"useradd --system --create-home --home-dir {home} --shell /bin/sh {user}" in guide
    assert f"{home}/.env" in guide
    assert "Environment" not in {key for key, _ in UNITS[unit]}, "it would win over .env"
