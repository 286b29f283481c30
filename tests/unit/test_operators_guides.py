"""The operators' guides are true: keys, defaults and figures in them are real, and none is missing."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from cloud import cli as cloud_cli
from cloud.access import ACCESS
from cloud.app import create_app
from cloud.metrics import Metrics
from cloud.settings import Settings
from edge import metrics as edge_metrics
from edge.cli import exits as edge_exits
from edge.config.anatomy import types_at
from edge.config.options import (
    BufferOptions,
    CloudOptions,
    DefaultOptions,
    FileOptions,
    GatewayOptions,
    HealthOptions,
)
from edge.config.scalars import plain
from edge.drivers.spec import DeviceOptions, TagOptions
from edge.ports import BufferStats
from edge.report import Snapshot
from edge.settings import known_drivers, load
from edge.sync.link import LinkState
from edge.sync.shipper import ShipperStatus
from shared.reading import GapCause, MachineState, ReadingType

ROOT = Path(__file__).parents[2]
GUIDES = {
    name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("cloud", "edge", "machine_integration", "oee", "predictions", "runbook", "security", "tools")
}
HEADS = {"edge": edge_exits, "cloud": cloud_cli, "tools": edge_exits}
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
SPECS = known_drivers()
SECTIONS: dict[str, type[BaseModel]] = {
    "gateway": GatewayOptions,
    "cloud": CloudOptions,
    "buffer": BufferOptions,
    "health": HealthOptions,
    "defaults": DefaultOptions,
    "tags": TagOptions,
}
PROTOCOLS = {"Modbus": "modbus", "OPC UA": "opcua", "MQTT": "mqtt", "Sparkplug": "sparkplug"}


def section(guide: str, heading: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", GUIDES[guide], re.DOTALL | re.MULTILINE)
    assert found, f"docs/{guide}.md has no section {heading!r}"
    return found[1]


def table(text: str) -> dict[str, list[str]]:
    """The rows of the tables in a text whose first cell is code, by that code."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {CODE.findall(first)[0]: [cell.strip() for cell in rest] for first, *rest in rows}


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def prose(guide: str) -> str:
    return FENCE.sub("", GUIDES[guide])


def families(exposition: bytes) -> set[str]:
    """The names that an operator queries, without those of the process and those that only say when counting began."""
    names = {line.split()[2] for line in exposition.decode().splitlines() if line.startswith("# TYPE")}
    return {name for name in names if name.startswith("tezgah_") and not name.endswith("_created")}


@pytest.mark.parametrize("guide", GUIDES)
def test_every_identifier_that_is_named_is_in_the_code(guide: str) -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for package in ("cloud", "edge", "shared")
        for path in (ROOT / package).rglob("*.py")
    )
    code += (ROOT / "deploy" / "mosquitto.conf").read_text(encoding="utf-8")
    named = {word for code in CODE.findall(prose(guide)) for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", code)}
    # figures have a test of their own; the others are PostgreSQL's and nginx's, a test's, and tags of the examples'
    others = {
        "readings_odd_total",
        "driver_suite",
        "max_connections",
        "power_kw",
        "spindle_rpm",
        "ssl_client_certificate",
        "ssl_verify_client",
    }
    assert [
        name for name in named - others if not name.startswith(("tezgah_", "pg_")) and name not in code.lower()
    ] == []


def test_the_clouds_settings_are_all_there_with_their_defaults() -> None:
    told = table(section("cloud", "Settings"))
    fields = {
        "SECRET_KEY" if name == "secret_key" else f"TEZGAH_{name.upper()}": field
        for name, field in Settings.model_fields.items()
    }
    assert told.keys() == fields.keys()
    shown = {
        name.removeprefix("TEZGAH_").lower(): cells[0].strip("`").replace("~", str(Path.home()))
        for name, cells in told.items()
        if cells[0].startswith("`")
    }
    given = Settings.model_validate({"secret_key": "x" * 32} | shown)
    assert given == Settings(_env_file=None, secret_key="x" * 32)  # type: ignore[call-arg, arg-type]
    assert len(shown) == len(fields) - 10, (
        "all but the secret, the database, the newcomers' organization, the empty list and the place of photos"
    )


def test_the_clouds_figures_are_all_there() -> None:
    nowhere = Settings(_env_file=None, secret_key="x" * 32, database_url="postgresql://nowhere/none")  # type: ignore[call-arg, arg-type]
    metrics: Metrics = create_app(nowhere).state.metrics
    assert table(section("cloud", "Health and figures")).keys() - ACCESS_PATHS == families(metrics.exposition())


ACCESS_PATHS = {route.split()[1] for route in ACCESS}


def test_the_gateways_figures_are_all_there() -> None:
    shipping = ShipperStatus(LinkState.UP, 0)
    gateway = GatewayOptions(id="hall")
    stats = BufferStats(max_bytes=1, growth_bytes_s=1.0)
    snapshot = Snapshot(0, 0, 0.0, "1", 1, gateway, False, [], stats, shipping)
    real = families(edge_metrics.exposition(lambda: snapshot)())
    assert table(section("edge", "Health and figures")).keys() == real
    assert set(re.findall(r"tezgah_edge_\w+", GUIDES["edge"])) == real


@pytest.mark.parametrize("guide", HEADS)
def test_the_exit_codes_are_all_there(guide: str) -> None:
    codes = {value for name, value in vars(HEADS[guide]).items() if name.startswith("EXIT_")}
    text = GUIDES[guide][GUIDES[guide].index("xit codes") :]
    told = {int(code) for code in re.findall(r"(?:^\| |, |: )(\d+) ?(?=[|a-z])", text.split("\n\n**")[0], re.MULTILINE)}
    assert codes | {0} <= told
    assert told <= codes | {0, 2}


# --- the gateway's configuration ----------------------------------------------------------------------------------

# where what is shown is whose default it takes, in words
_SHOWN_OTHERWISE = {"every", "publish", "stale_after", "type", "byte_order", "queue", "ts", "server_time"}


def check_keys(heading: str, fields: Mapping[str, Any], more: Sequence[str] = ()) -> None:
    """Hold a section's table against fields: the same keys, and for each default that is shown, the real one."""
    told = table(section("edge", heading))
    assert told.keys() == {*fields, *more}
    for key, field in fields.items():
        shown = told[key][0]
        assert (shown == "needed") == field.is_required(), f"{heading}: {key}"
        literal = re.fullmatch(r"`([^`]+)`", shown)
        if literal is None or re.fullmatch(r"defaults\.\w+", literal[1]):
            in_words = not shown or shown.startswith("needed for ") or key in _SHOWN_OTHERWISE
            assert field.is_required() or in_words, f"{heading}: {key}"
            continue
        value = yaml.safe_load(literal[1]) if literal[1].startswith("{") else plain(literal[1])
        if isinstance(value, dict):
            value = {key if key is not True else "on": inner for key, inner in value.items()}
        adapter: TypeAdapter[Any] = TypeAdapter(
            Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        )
        assert adapter.validate_python(value) == field.default, f"{heading}: {key}"


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_keys_of_a_section_are_all_there_with_their_defaults(heading: str) -> None:
    check_keys(heading, keys_of(SECTIONS[heading]))


def test_the_keys_of_every_device_are_all_there() -> None:
    check_keys("devices", keys_of(DeviceOptions), ["use", "with", "tags"])


def test_every_protocol_has_its_sections() -> None:
    assert set(PROTOCOLS.values()) == SPECS.keys()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_keys_of_a_connection_are_all_there_with_their_defaults(name: str) -> None:
    check_keys(f"{name}: connection", keys_of(SPECS[PROTOCOLS[name]].connection))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_keys_of_a_protocols_devices_and_tags_are_all_there_with_their_defaults(name: str) -> None:
    device = SPECS[PROTOCOLS[name]].device
    (tag,) = types_at(device, ("tags", "any"))
    common, of_tags = keys_of(DeviceOptions).keys() | {"tags"}, keys_of(TagOptions).keys()
    own = {key: field for key, field in keys_of(device).items() if key not in common}
    if own:
        check_keys(f"{name}: device", own)
    else:
        assert f"An {name} device has no options of its own" in GUIDES["edge"]
    check_keys(f"{name}: tag", {key: field for key, field in keys_of(tag).items() if key not in of_tags})


def test_the_top_of_the_file_is_all_there() -> None:
    text = section("edge", "Every key")
    named = set(CODE.findall(text[text.index("At the top") :].split("\n\n")[0]))
    assert named - {"1"} == FileOptions.model_fields.keys()


def test_the_words_that_a_key_takes_are_all_there() -> None:
    tags = section("edge", "tags")
    assert set(CODE.findall(table(tags)["means"][1])) == set(ReadingType)
    assert set(CODE.findall(tags[tags.index("its words are") :])) == set(MachineState)
    promised = section("edge", "What is promised")
    assert [cause for cause in GapCause if f"`{cause}`" not in promised] == []


def test_the_first_configuration_is_one_that_runs(tmp_path: Path) -> None:
    blocks = [block for kind, block in FENCE.findall(GUIDES["edge"]) if kind == "yaml"]
    (tmp_path / "edge-token").write_text("tzg_", encoding="ascii")
    (tmp_path / "edge.yaml").write_text(blocks[0], encoding="utf-8")
    settings = load(tmp_path / "edge.yaml", {})
    assert [point.name for connection in settings.connections for point in connection.points] == ["power_kw"]
    for block in blocks[1:]:
        assert yaml.safe_load(block).keys() <= FileOptions.model_fields.keys()
