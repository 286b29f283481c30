"""A device's entry as its author wrote it, in the file or on a line of a CSV file, and how a template goes under it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.config.mistakes import Loc

_Raw = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said about one device.

    Attributes:
        raw: Its keys.
        loc: Where it stands.
        places: For keys that stand elsewhere than in the entry itself, where.
        values: What takes the place of its template's placeholders, beside its name.
    """

    raw: _Raw
    loc: Loc
    places: Mapping[Loc, Loc] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    def at(self, *inner: str | int) -> Loc:
        """Return where something within the entry stands."""
        return origin(inner, self.places, self.loc)


def merge(template: _Raw, template_loc: Loc, own: _Raw, own_loc: Loc) -> tuple[dict[Any, Any], dict[Loc, Loc]]:
    """Lay a device's own options over its template's.

    A key of the device replaces the template's; only `tags` are joined, tag by tag, and for a tag that both
    have, key by key.

    Returns:
        The options, and for each key (and tag, and tag's key) where in the file it comes from.
    """
    merged: dict[Any, Any] = {}
    origins: dict[Loc, Loc] = {}
    for raw, base in ((template, template_loc), (own, own_loc)):
        for key, value in raw.items():
            origins[key,] = (*base, key)
            if key != "tags" or not isinstance(value, dict) or not isinstance(merged.get(key, {}), dict):
                merged[key] = value
                continue
            joined = merged[key] = dict(merged.get(key, {}))
            for name, tag in value.items():
                place = (*base, key, name)
                origins[key, name] = place
                if isinstance(tag, dict):
                    origins.update({(key, name, option): (*place, option) for option in tag})
                    before = joined.get(name)
                    tag = {**before, **tag} if isinstance(before, dict) else tag  # noqa: PLW2901
                joined[name] = tag
    return merged, origins


def origin(inner: Loc, origins: Mapping[Loc, Loc], default: Loc) -> Loc:
    """Return where in the file `inner` stands: by the longest part of it that is known."""
    for length in range(len(inner), 0, -1):
        if inner[:length] in origins:
            return origins[inner[:length]] + inner[length:]
    return default + inner
