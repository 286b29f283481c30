"""A first configuration, with a comment where a newcomer would ask; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge.drafting.emit import flow, scalar
from edge.errors import ConfigError

# a device for each protocol, as a comment: what to read only the plant knows
_DEVICES = {
    "opcua": (
        "# - name: press-1",
        "#   on: {on}",
        "#   machine: PRESS-01            # the cloud's code of the machine, if it belongs to one",
        "#   tags:",
        '#     force_kn: {{node: "ns=2;s=Press.Force", unit: kN}}',
    ),
    "modbus": (
        "# - name: meter-1",
        "#   on: {on}",
        "#   unit: 1",
        "#   byte_order: big              # `doctor` shows every order side by side",
        "#   tags:",
        "#     power_kw: {{register: input 40, type: float32, unit: kW, means: power}}",
    ),
    "mqtt": (
        "# - name: scale-1",
        "#   on: {on}",
        "#   topic: plant/scale-1/weight",
        "#   tags:",
        "#     weight_kg: {{json: $.w, unit: kg}}",
    ),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What `init` was told.

    Attributes:
        gateway, site, timezone: The gateway's; site and time zone may be empty.
        cloud: The cloud's address.
        token: The reference to its token, such as `${file:edge-token}`.
        connection: Name and options of the first connection; None for none yet.
    """

    gateway: str
    site: str
    timezone: str
    cloud: str
    token: str
    connection: tuple[str, Mapping[str, object]] | None = None


def reference(token_file: str | None, token_env: str | None) -> str:
    """Return the reference to a token.

    Raises:
        ConfigError: Both are given, or a name that no reference can hold.
    """
    if token_file and token_env:
        raise ConfigError("a token is in a file or in the environment: give --token-file or --token-env, not both")
    name = token_env or token_file or "edge-token"
    if "}" in name:
        raise ConfigError(f"{name!r} cannot be referred to: it holds a brace; choose another name")
    return f"${{env:{name}}}" if token_env else f"${{file:{name}}}"


def text(answers: Answers) -> str:
    """Return the configuration."""
    place = {"id": answers.gateway, "site": answers.site, "timezone": answers.timezone}
    gateway = {key: value for key, value in place.items() if value}
    lines = [
        "# A gateway's configuration. deploy/edge.example.yaml has every key in use, docs/edge.md explains them.",
        "#   tezgah-edge check FILE     says what is wrong with it, connecting to nothing",
        "#   tezgah-edge doctor FILE    connects to everything once and says what is wrong there",
        "#   tezgah-edge run FILE       runs the gateway",
        "version: 1",
        "",
        "# The cloud knows the token by this id; never change it while the buffer holds readings.",
        f"gateway: {flow(gateway)}",
        "",
        "cloud:",
        f"  url: {scalar(answers.cloud)}",
        "  # A secret is only ever referred to: ${file:PATH}, relative to this file, or ${env:NAME}.",
        f"  token: {answers.token}",
        "",
        "# Readings wait here until the cloud has them; the directory belongs to this gateway alone.",
        "buffer: {path: state/buffer.db, max_size: 2 GB}",
        "",
        "# Read once a second, keep what changed, and every five minutes what did not.",
        "defaults: {every: 1s, publish: {on: change, heartbeat: 5min}}",
        "",
        *_connections(answers),
    ]
    return "\n".join([*lines, ""])


def _connections(answers: Answers) -> list[str]:
    if answers.connection is None:
        return [
            "# A session each: an OPC UA server, a Modbus line, a broker. The key names the protocol.",
            "connections: {}",
            "#  plc-1: {opcua: opc.tcp://10.0.0.5:4840}",
            "#  line-1: {modbus: tcp, host: 10.0.0.6}",
            "#  broker: {mqtt: mqtt://10.0.0.7:1883, client_id: " + scalar(answers.gateway) + "}",
            "",
            "devices: []",
        ]
    name, options = answers.connection
    protocol = next(key for key in options if key in _DEVICES)
    return [
        "# A session each: an OPC UA server, a Modbus line, a broker. The key names the protocol.",
        "connections:",
        f"  {scalar(name)}: {flow(options)}",
        "",
        f"# What is read. `tezgah-edge browse FILE {name}` shows what is there, and can write this part.",
        "devices: []",
        *(line.format(on=name) for line in _DEVICES[protocol]),
    ]
