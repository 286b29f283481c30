"""What was found on a connection, as the configuration that would read it; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from edge.drafting.emit import block, flow, literal, remark, scalar
from edge.drivers.inspection import Found

# what a draft keeps of the configuration that it grew from; devices and templates are found anew
_KEPT = ("version", "gateway", "cloud", "buffer", "health", "defaults")
_NEW: Mapping[str, object] = {
    "version": 1,
    "gateway": {"id": "new-gateway"},
    "cloud": {"url": "https://cloud.example.com", "token": "${env:EDGE_TOKEN}"},
    "buffer": {"path": "state/buffer.db"},
}


def fragment(name: str, connection: Mapping[str, object], found: Iterable[Found]) -> str:
    """Return `connections` and `devices` alone, to be pasted into a configuration."""
    return "\n".join([*block({"connections": {name: connection}}), "", *_devices(name, found), ""])


def whole(base: str | None, name: str, connection: Mapping[str, object] | None, found: Iterable[Found]) -> str:
    """Return a whole configuration with what was found and nothing else on that connection.

    Args:
        base: The text of the configuration whose frame is taken, references as they stand; a new frame if None.
        name: The connection.
        connection: Its options; those of `base` if None.
        found: What was found there.
    """
    # every scalar as text, so that nothing is read and written otherwise
    old: dict[str, Any] = {} if base is None else yaml.load(base, yaml.BaseLoader)  # noqa: S506 - makes texts only
    frame = dict(_NEW) if base is None else {key: _typed(old[key]) for key in _KEPT if key in old}
    options = options_in(base or "", name) if connection is None else connection
    origin = "" if base is None else "; gateway, cloud and buffer are those of the configuration that it was given"
    return "\n".join(
        [
            f"# Found by `tezgah-edge browse` on connection {name}{origin}.",
            "# Take what you need, name it as the plant does, then `tezgah-edge check` and `tezgah-edge doctor` it.",
            *block(frame),
            *block({"connections": {name: options}}),
            "",
            *_devices(name, found),
            "",
        ]
    )


def options_in(text: str, name: str) -> dict[str, object]:
    """Return what a configuration's text says of a connection, references as they stand."""
    options: dict[str, object] = _typed(yaml.load(text, yaml.BaseLoader)["connections"][name])  # noqa: S506 - texts only
    return options


def _devices(connection: str, found: Iterable[Found]) -> list[str]:
    devices: dict[str, list[Found]] = {}
    for item in found:
        if item.tag_options is not None:
            devices.setdefault(item.device, []).append(item)
    if not devices:
        return ["devices: []"]
    lines = ["devices:"]
    for device, tags in devices.items():
        lines += [f"  - name: {scalar(literal(device))}", f"    on: {scalar(connection)}"]
        lines += block({str(key): literal(value) for key, value in (tags[0].device_options or {}).items()}, 4)
        lines.append("    tags:")
        for tag in tags:
            told = ", ".join(filter(None, (tag.value, tag.note)))
            lines.append(f"      {scalar(literal(tag.name))}: {flow(literal(tag.tag_options))}{remark(told)}")
    return lines


def _typed(value: object) -> Any:
    """Give back to texts the types that YAML 1.2 would have read."""
    if isinstance(value, Mapping):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    text = str(value)
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if str(number) == text else text
    return text
