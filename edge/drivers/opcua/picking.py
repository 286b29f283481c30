"""Owns what a tag takes of a value that is more than one: an element of an array, a field of a structure; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from edge.drivers.opcua.structures import Layout, decoded
from edge.drivers.opcua.variant import Odd, odd_of

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Pick:
    """The way to one value: indexes and field names, from the outside in."""

    steps: tuple[str | int, ...]

    @classmethod
    def of(cls, index: Sequence[int], field: str | None) -> "Pick":
        """Read what a tag says: `index` of an array, then `field`, which may go on: `Axes[2].Position`."""
        steps: list[str | int] = list(index)
        for name, place in _STEP.findall(field or ""):
            steps.append(name or int(place))
        return cls(tuple(steps))


def picked(value: Any, pick: Pick, layouts: Mapping[ua.NodeId, Layout]) -> Odd:
    """Return what a pick takes of a decoded value.

    Args:
        value: As asyncua decodes it; a structure that it does not know is an ExtensionObject with its bytes.
        pick: The way.
        layouts: Of the server's structures, by the id of their binary encoding.
    """
    for step in pick.steps:
        inside = _opened(value, layouts)
        if value is not None and inside is None:
            return Odd(None, "the server does not describe this structure; read its fields by nodes of their own")
        if isinstance(step, int):
            if not isinstance(inside, list):
                return Odd(None, "the value is no array; remove `index`")
            if step >= len(inside):
                return Odd(None, f"the array has {len(inside)} elements; `index` counts from 0")
            value = inside[step]
        else:
            fields = inside if isinstance(inside, dict) else _attributes(inside)
            if step not in fields:
                known = ", ".join(fields) or "none"
                return Odd(None, f"there is no field {step}; the value has {known}")
            value = fields[step]
    return odd_of(value)


def _opened(value: Any, layouts: Mapping[ua.NodeId, Layout]) -> Any:
    if isinstance(value, ua.ExtensionObject):
        layout = layouts.get(value.TypeId)
        return decoded(bytes(value.Body or b""), layout) if layout is not None else None
    return value


def _attributes(value: Any) -> dict[str, Any]:
    """Return the fields of a structure that asyncua knows."""
    return {name: getattr(value, name) for name in getattr(value, "__dataclass_fields__", ())}
