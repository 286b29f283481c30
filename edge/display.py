"""How the command line shows settings and status to people; pure."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.settings import Settings

# beyond this many names of a kind a list explains nothing
_LISTED = 20
_STYLES = {"ok": "green", "up": "green", "degraded": "yellow", "connecting": "yellow", "stopping": "yellow"}


def summary(settings: Settings) -> dict[str, Any]:
    """Return what a configuration comes to, for programs."""
    return {
        "gateway": settings.gateway.id,
        "cloud": settings.cloud.url,
        "buffer": str(settings.buffer_path),
        "connections": [
            {
                "name": connection.name,
                "protocol": connection.spec.protocol,
                "devices": len({point.device for point in connection.points}),
                "tags": len(connection.points),
            }
            for connection in settings.connections
        ],
        "unused": list(settings.unused),
    }


def overview(settings: Settings) -> RenderableType:
    """Return what a configuration comes to, for people."""
    found = summary(settings)
    table = Table("connection", "protocol", "devices", "tags", box=None, pad_edge=False)
    for connection in found["connections"]:
        table.add_row(*(str(connection[key]) for key in ("name", "protocol", "devices", "tags")))
    lines: list[RenderableType] = [
        f"{settings.file} is sound: gateway {found['gateway']}, cloud {found['cloud']}, buffer {found['buffer']}",
        table,
    ]
    lines.extend(f"connection {name} has no devices; it will not be opened" for name in settings.unused)
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
    touched = len(found["connections"]["changed"]) + len(found["connections"]["removed"])
    lines.append(f"{touched} running connections are touched; the others go on, and so does the buffer")
    return Group(*lines)


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
        f"buffer: {buffer['rows']} readings wait, {buffer['bytes']} of {buffer['max_bytes']} bytes in use",
        f"cloud: {sync['state']}, {sync['settled']} batches with {sync['rows']} readings brought",
    )
