"""How the command line shows settings and status to people; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.drivers.spec import Point, TagClass
from edge.settings import Settings

# beyond this many names of a kind a list explains nothing
_LISTED = 20
_STYLES = {"ok": "green", "up": "green", "degraded": "yellow", "connecting": "yellow", "stopping": "yellow"}


def summary(settings: Settings) -> dict[str, Any]:
    """Return what a configuration comes to, for programs."""
    return {
        "gateway": settings.gateway.id,
        "cloud": settings.cloud.url,
        "destinations": {destination.name: destination.options.url for destination in settings.others},
        "buffer": str(settings.buffer_path),
        "connections": [
            {
                "name": connection.name,
                "protocol": connection.spec.protocol,
                "devices": len({point.device for point in connection.points}),
                "tags": len(connection.points) + len(connection.computed),
                "classes": _classes([*connection.points, *connection.computed]),
            }
            for connection in settings.connections
        ],
        "unused": list(settings.unused),
        "advice": [
            f"{connection.name}: {said}"
            for connection in settings.connections
            if connection.spec.advise is not None
            for said in connection.spec.advise(connection.options, connection.points)
        ],
    }


def _classes(points: Sequence[Point]) -> dict[str, int]:
    """Count tags by their class, computed ones too; classes that no tag has are left out."""
    counts = Counter(point.options.lane for point in points)
    return {kind.value: counts[kind] for kind in TagClass if counts[kind]}


def overview(settings: Settings) -> RenderableType:
    """Return what a configuration comes to, for people."""
    found = summary(settings)
    table = Table("connection", "protocol", "devices", "tags", "of class", box=None, pad_edge=False)
    for connection in found["connections"]:
        classes = ", ".join(f"{count} {name}" for name, count in connection["classes"].items())
        table.add_row(*(str(connection[key]) for key in ("name", "protocol", "devices", "tags")), classes)
    lines: list[RenderableType] = [
        f"{settings.file} is sound: gateway {found['gateway']}, cloud {found['cloud']}, buffer {found['buffer']}",
        table,
    ]
    lines.extend(f"destination {name}: {url}" for name, url in found["destinations"].items())
    lines.extend(f"connection {name} has no devices; it will not be opened" for name in settings.unused)
    lines.extend(Text(f"! {said}", style="yellow") for said in found["advice"])
    return Group(*lines)


def difference(found: dict[str, Any]) -> RenderableType:
    """Return what a configuration would change of a running gateway, for people."""
    lines: list[RenderableType] = []
    for kind in ("connections", "devices", "tags"):
        for sign, word, style in (("+", "added", "green"), ("-", "removed", "red"), ("~", "changed", "yellow")):
            names = found[kind][word]
            lines.extend(Text(f"{sign} {kind.removesuffix('s')} {name}", style=style) for name in names[:_LISTED])
            if len(names) > _LISTED:
                lines.append(Text(f"{sign} and {len(names) - _LISTED} more {kind}", style=style))
    lines.extend(Text(f"~ {path}", style="yellow") for path in found["live"])
    lines.extend(Text(f"! {path}: only a start takes it up", style="red") for path in found["needs_restart"])
    if not lines:
        return "nothing differs from what runs"
    lines.append(_consequence(found["connections"]["changed"], found["connections"]["removed"]))
    return Group(*lines)


def _consequence(changed: Sequence[str], removed: Sequence[str]) -> str:
    """Say what taking a difference up does to sessions: also a change of shaping alone begins its connection anew."""
    ends = [f"ended for good: {_listed(removed)}"] if removed else []
    if changed:
        ends.insert(0, f"ended and begun anew, with a gap of a second or two: {_listed(changed)}")
    if not ends:
        return "no session that runs is touched, nor is the buffer"
    return f"sessions {'; '.join(ends)}. The others go on, and so does the buffer"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def status(document: dict[str, Any]) -> RenderableType:
    """Return a health page's document for people."""
    buffer, sync = document["buffer"], document["sync"]
    table = Table("connection", "state", "device", "good", "bad", "tags", "last reading", box=None, pad_edge=False)
    for connection in document["connections"]:
        state = Text(str(connection["state"]), style=_STYLES.get(connection["state"], "red"))
        for device in connection["devices"]:
            age = "never" if device["age_s"] is None else f"{device['age_s']:.1f} s ago"
            figures = (str(device[key]) for key in ("good", "bad", "tags"))
            table.add_row(connection["name"], state, device["name"], *figures, age)
    word = document["status"]
    return Group(
        Text.assemble(
            f"gateway {document['gateway']} {document['version']} is ",
            (word, _STYLES.get(word, "red")),
            f", up {document['uptime_s']:.0f} s",
        ),
        *(Text(f"  {problem}", style="yellow") for problem in document["problems"]),
        table,
        *_counted(document["connections"]),
        f"buffer: {buffer['rows']} readings wait, {buffer['bytes']} of {buffer['max_bytes']} bytes in use"
        + _room(buffer),
        f"cloud: {sync['state']}, {sync['settled']} batches with {sync['rows']} readings brought",
        *_destinations(document),
    )


def _destinations(document: dict[str, Any]) -> Iterator[str]:
    """Yield how each destination is, where there are several; a daemon of an earlier version has one."""
    told = document.get("destinations", [])
    for each in told if len(told) > 1 else []:
        yield (
            f"destination {each['name']}: {each['state']}, {each['settled']} batches with {each['rows']} readings "
            f"brought, {each['waiting']} wait"
        )


def _room(buffer: dict[str, Any]) -> str:
    """Return for how long there is room; nothing while the rate is not known, or to a daemon of an earlier version."""
    hours = buffer.get("left_h")
    return "" if hours is None else f", full in {hours:.1f} h without the cloud"


def _counted(connections: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what each driver counted; a daemon of an earlier version counts nothing."""
    for connection in connections:
        told = [f"{word.replace('_', ' ')} {count}" for word, count in connection.get("events", {}).items() if count]
        if told:
            yield f"connection {connection['name']} counted: {', '.join(told)}"
