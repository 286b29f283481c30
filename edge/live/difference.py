"""What one configuration has that another has not; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from edge.drivers.spec import Point
from edge.settings import Settings

# what a running gateway takes up; the rest of these sections is bound to what is open (buffer, uplink, page)
_LIVE = {"gateway.site", "gateway.timezone", "gateway.rollback_after"}
_SECTIONS = ("gateway", "cloud", "buffer", "health")


@dataclass(frozen=True, slots=True)
class Changes:
    """Names that came, that went, and whose content is another one, each in the order of its configuration."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Difference:
    """From one configuration to another.

    Attributes:
        connections: By name; those that are not in it are not touched.
        devices: By name.
        tags: As `device.tag`.
        live: Other settings that are taken up at once, dotted.
        needs_restart: Settings that only a start takes up, dotted.
    """

    connections: Changes = field(default_factory=Changes)
    devices: Changes = field(default_factory=Changes)
    tags: Changes = field(default_factory=Changes)
    live: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.connections or self.live or self.needs_restart)


def difference(old: Settings, new: Settings) -> Difference:
    """Compare two configurations as they are resolved: a default that changed changes what takes it up."""
    sections = [
        path for section in _SECTIONS for path in _differing(getattr(old, section), getattr(new, section), section)
    ]
    if old.buffer_path.absolute() != new.buffer_path.absolute() and "buffer.path" not in sections:
        sections.append("buffer.path")
    if old.others != new.others:
        sections.append("destinations")
    before, after = _points(old), _points(new)
    return Difference(
        _changes({c.name: c for c in old.connections}, {c.name: c for c in new.connections}),
        _changes(_devices(before), _devices(after)),
        _changes(_tags(before), _tags(after)),
        tuple(path for path in sections if path in _LIVE),
        tuple(path for path in sections if path not in _LIVE),
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    return Changes(
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(name for name in new if name in old and old[name] != new[name]),
    )


def _points(settings: Settings) -> dict[str, tuple[str, Point]]:
    """Return each point, with its connection, by `device.tag`; patterns of points too."""
    return {
        f"{point.device}.{point.name}": (connection.name, point)
        for connection in settings.connections
        for point in (*connection.points, *connection.families, *connection.computed)
    }


def _tags(points: Mapping[str, tuple[str, Point]]) -> dict[str, tuple[str, object, float]]:
    """Return each tag with its connection and its own options; another tag of its device is none of its business."""
    return {name: (connection, point.options, point.every_s) for name, (connection, point) in points.items()}


def _devices(points: Mapping[str, tuple[str, Point]]) -> dict[str, tuple[str, object]]:
    """Return each device with its connection and its own options, those of its tags left out."""
    own = {point.device: (connection, point.device_options) for connection, point in points.values()}
    return {
        name: (connection, options.model_dump(exclude={"tags", "compute"}))
        for name, (connection, options) in own.items()
    }


def _differing(old: BaseModel, new: BaseModel, path: str) -> Iterable[str]:
    for name, info in type(old).model_fields.items():
        before, after, here = getattr(old, name), getattr(new, name), f"{path}.{info.alias or name}"
        if isinstance(before, BaseModel) and type(before) is type(after):
            yield from _differing(before, after, here)
        elif before != after:
            yield here
