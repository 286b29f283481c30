"""The gateway's settings: the configuration file read, judged as a whole, and resolved into what is built from it."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.clock import SystemClock
from edge.config import tags
from edge.config.check import validate
from edge.config.composing import composed
from edge.config.devices import Plant
from edge.config.document import Document
from edge.config.files import Files, fingerprint
from edge.config.mistakes import Loc
from edge.config.options import (
    BufferOptions,
    CloudOptions,
    DefaultOptions,
    DestinationOptions,
    FileOptions,
    GatewayOptions,
    HealthOptions,
)
from edge.config.references import file_of
from edge.config.yamlfile import read
from edge.drivers.spec import ConnectionOptions, DriverSpec, Point
from edge.ports import FIRST

# a new driver adds its package here
DRIVERS = ("edge.drivers.modbus", "edge.drivers.mqtt", "edge.drivers.opcua", "edge.drivers.sparkplug")


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection with all that is read over it.

    Attributes:
        name, spec, options: Its own.
        points: What the driver's rows index, to begin with.
        families: Patterns of which the driver makes more points.
        computed: What is computed of points, by formulas.
    """

    name: str
    spec: DriverSpec
    options: ConnectionOptions
    points: tuple[Point, ...]
    families: tuple[Point, ...] = ()
    computed: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """A cloud that readings go to; `token_file` is the file that its token refers to, if it is one."""

    name: str
    options: DestinationOptions
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration without mistakes.

    Attributes:
        file: Where it came from.
        gateway, cloud, buffer, health: Its sections, defaults filled in.
        connections: Those that have devices, in the order of the file.
        unused: Names of connections without devices; nothing is opened for them.
        bare: The same connections, for the tools that look for what could be read there.
        contents: The files it was read from, by absolute path.
        token_file: The file that `cloud.token` refers to, if it is one.
        others: The destinations beside `cloud`.
    """

    file: Path
    gateway: GatewayOptions
    cloud: CloudOptions
    buffer: BufferOptions
    health: HealthOptions
    connections: tuple[Connection, ...]
    unused: tuple[str, ...] = ()
    bare: tuple[Connection, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    token_file: Path | None = None
    others: tuple[Destination, ...] = ()

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where readings go, `cloud` first."""
        return (Destination(FIRST, self.cloud, self.token_file), *self.others)

    @property
    def fingerprint(self) -> str:
        """What tells the files it was read from, as they were then, from every other state of them."""
        return fingerprint(self.contents)

    @property
    def buffer_path(self) -> Path:
        """The buffer's file, relative paths taken from the configuration's directory."""
        return self.file.parent / self.buffer.path


def known_drivers() -> dict[str, DriverSpec]:
    """Return what each driver declares, by protocol; no protocol library is imported."""
    specs: list[DriverSpec] = [importlib.import_module(name).SPEC for name in DRIVERS]
    return {spec.protocol: spec for spec in specs}


def load(
    file: Path,
    environ: Mapping[str, str],
    specs: Mapping[str, DriverSpec] | None = None,
    files: Files | None = None,
) -> Settings:
    """Read a configuration file.

    Args:
        file: YAML; deploy/edge.example.yaml explains every key.
        environ: What `${env:NAME}` refers to.
        specs: The drivers to choose from, by protocol; those of this gateway if None.
        files: Where it and what it imports is read; on disk if None. Secrets always are. What the cloud set for this
            gateway is among them, or there is no such thing.

    Raises:
        ConfigMistakes: Everything that is wrong with it, with lines.
    """
    document = composed(read(file, environ, files), file)
    sections = validate(FileOptions, document.root, document, lambda loc: loc)
    defaults = sections.defaults if sections is not None else DefaultOptions()
    for key, message in (*tags.period(defaults.every), *tags.heartbeat(defaults.publish)):
        document.mistake(("defaults", key), message)
    plant = _plant(document, known_drivers() if specs is None else specs, defaults)
    _judge(document, plant)
    others = () if sections is None else _others(document, sections)
    document.raise_mistakes()
    assert sections is not None  # noqa: S101 - else there were mistakes
    used = {name for found in (plant.points, plant.families) for name, points in found.items() if points}
    return Settings(
        file,
        sections.gateway,
        sections.cloud,
        sections.buffer,
        sections.health,
        tuple(
            Connection(
                name,
                spec,
                options,
                tuple(plant.points.get(name, ())),
                tuple(plant.families.get(name, ())),
                tuple(plant.computed.get(name, ())),
            )
            for name, (spec, options) in plant.connections.items()
            if name in used
        ),
        tuple(name for name in plant.connections if name not in used),
        tuple(
            Connection(name, spec, options, ())
            for name, (spec, options) in plant.connections.items()
            if name not in used
        ),
        document.files.contents,
        token_file(document),
        others,
    )


def rehearse(settings: Settings) -> None:
    """Build what `run` would build first: a driver may refuse points that are sound one by one.

    Raises:
        ConfigError: A driver refuses its points.
    """
    for connection in settings.connections:
        connection.spec.build(connection.name, connection.options, connection.points, SystemClock())


def token_file(document: Document, section: Loc = ("cloud",)) -> Path | None:
    """Return the file that a destination's token refers to; None if it is no reference to a file, and nothing else."""
    name = file_of(document.written.get((*section, "token"), ""))
    return None if name is None else Path(document.file).parent / name


def _others(document: Document, sections: FileOptions) -> tuple[Destination, ...]:
    """Return the destinations beside `cloud`; one at an address that another has would be one cloud twice."""
    taken = {sections.cloud.url: FIRST}
    for name, options in sections.destinations.items():
        first = taken.setdefault(options.url, name)
        if first != name:
            loc = (FIRST,) if first == FIRST else ("destinations", first)
            message = f'{options.url} is where "{first}" goes already ({document.place(loc)}); a cloud is named once'
            document.mistake(("destinations", name, "url"), message)
    return tuple(
        Destination(name, options, token_file(document, ("destinations", name)))
        for name, options in sections.destinations.items()
    )


def _judge(document: Document, plant: Plant) -> None:
    """Let each driver say what is wrong with a connection and all that is read over it; two may not be on one thing."""
    taken: dict[str, Loc] = {}
    for name, (spec, options) in plant.connections.items():
        if spec.judge is not None:
            for keys, message in spec.judge(options, plant.points.get(name, [])):
                document.mistake(("connections", name, *keys), message)
        if spec.companions is not None:
            computed = {(point.device, point.name) for point in plant.computed.get(name, [])}
            for point, found in spec.companions(options, plant.points.get(name, [])):
                if (point.device, found) in computed:
                    # both would be one tag, with the readings of two
                    message = (
                        f'{point.device}: the computed tag "{found}" has the name of the one that goes with '
                        f'"{point.name}"; call it otherwise'
                    )
                    document.mistake(("connections", name), message)
        if (held := options.held) is not None:
            loc = ("connections", name, held.key)
            first = taken.setdefault(held.what, loc)
            if first != loc:
                place = f'connection "{first[1]}" on {document.place(first)}'
                document.mistake(loc, f"{held.what} is taken by {place}; {held.why}")


def _plant(document: Document, specs: Mapping[str, DriverSpec], defaults: DefaultOptions) -> Plant:
    plant = Plant(document, specs, defaults)
    root: dict[Any, Any] = document.root
    for section, add in (("connections", plant.add_connection), ("templates", plant.add_template)):
        entries = root.get(section)
        for name, raw in entries.items() if isinstance(entries, dict) else ():
            if isinstance(raw, dict):
                add(str(name), raw)
    devices = root.get("devices")
    for index, raw in enumerate(devices if isinstance(devices, list) else ()):
        if isinstance(raw, dict):
            plant.add_devices(index, raw)
    return plant
