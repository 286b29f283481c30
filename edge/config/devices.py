"""Templates, connections and devices of the file, brought together into the points of each connection."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from edge.config import tags
from edge.config.anatomy import types_at
from edge.config.check import validate
from edge.config.document import Document
from edge.config.mistakes import Loc
from edge.config.options import DefaultOptions
from edge.config.spelling import nearest, one_of
from edge.drivers.spec import ConnectionOptions, DeviceOptions, DriverSpec, Point, TagOptions

_Raw = Mapping[Any, Any]
# keys that place a device; a template is placed by whoever uses it
_PLACING = ("name", "on", "use")
# keys that are read here and not by the driver's model
_DEVICE_KEYS = ("use",)
_TEMPLATE_KEYS = ("protocol",)


class Plant:
    """Judges connections, templates and devices in this order, and collects the points.

    Attributes:
        connections: Name to driver and options, of those without mistakes.
        points: Name of a connection to its points, in the order of the file.
        families: The same for patterns of points, of which its driver makes points.
    """

    def __init__(self, document: Document, specs: Mapping[str, DriverSpec], defaults: DefaultOptions) -> None:
        self._document = document
        self._specs = specs
        self._defaults = defaults
        self._protocols: dict[str, DriverSpec | None] = {}
        self._templates: dict[str, tuple[DriverSpec | None, _Raw]] = {}
        self._names: dict[str, Loc] = {}
        self.connections: dict[str, tuple[DriverSpec, ConnectionOptions]] = {}
        self.points: dict[str, list[Point]] = {}
        self.families: dict[str, list[Point]] = {}

    def add_connection(self, name: str, raw: _Raw) -> None:
        """Take an entry of `connections`; exactly one of its keys names the protocol."""
        loc: Loc = ("connections", name)
        found = [self._specs[key] for key in raw if key in self._specs]
        self._protocols[name] = found[0] if len(found) == 1 else None
        if not found:
            likely = next((str(key) for key in raw if nearest(str(key), self._specs)), "")
            self._document.mistake(loc, f"no key says which protocol it speaks; {one_of(likely, self._specs)}")
        elif len(found) > 1:
            self._document.mistake(
                loc, f"speaks {' and '.join(spec.protocol for spec in found)}; expected one protocol"
            )
        else:
            options = validate(found[0].connection, raw, self._document, lambda inner: loc + inner)
            if options is not None:
                self.connections[name] = (found[0], options)

    def add_template(self, name: str, raw: _Raw) -> None:
        """Take an entry of `templates`: a device's options without its place."""
        loc: Loc = ("templates", name)
        protocol = raw.get("protocol")
        spec = self._specs.get(protocol) if isinstance(protocol, str) else None
        self._templates[name] = (spec, {key: value for key, value in raw.items() if key != "protocol"})
        if "protocol" not in raw:
            self._document.mistake(loc, f'the key "protocol" is missing; {one_of("", self._specs)}')
        elif spec is None:
            message = f'"{protocol}" is not a protocol; {one_of(str(protocol), self._specs)}'
            self._document.mistake((*loc, "protocol"), message)
        else:
            for key in _PLACING:
                if key in raw:
                    self._document.mistake((*loc, key), "belongs to a device, not to a template")
            rest = {key: fill(value, "device") for key, value in raw.items() if key not in ("protocol", *_PLACING)}
            validate(spec.device, rest, self._document, lambda inner: loc + inner, is_partial=True, also=_TEMPLATE_KEYS)

    def add_device(self, index: int, raw: _Raw) -> None:
        """Take an entry of `devices`; its connection says which options it may have."""
        loc: Loc = ("devices", index)
        on = str(raw["on"]) if isinstance(raw.get("on"), int) else raw.get("on")
        if not isinstance(on, str):
            message = "expected the name of a connection" if "on" in raw else 'the key "on" is missing'
            self._document.mistake((*loc, "on"), f"{message}; {one_of('', self._protocols)}")
            return
        if on not in self._protocols:
            self._document.mistake((*loc, "on"), f'there is no connection "{on}"; {one_of(on, self._protocols)}')
            return
        spec = self._protocols[on]
        template, template_loc = self._template(raw, loc, spec)
        if spec is None or template is None:
            return
        template = {key: fill(value, str(raw.get("name", ""))) for key, value in template.items()}
        merged, origins = merge(template, template_loc, {k: v for k, v in raw.items() if k != "use"}, loc)
        device = validate(
            spec.device, merged, self._document, lambda inner: _origin(inner, origins, loc), also=_DEVICE_KEYS
        )
        self._check_name(raw.get("name"), loc)
        if device is not None:
            families = device.families
            for point in self._points(device, origins, loc):
                (self.families if point.name in families else self.points).setdefault(on, []).append(point)
        else:
            self._check_tags_alone(spec, merged.get("tags"), origins, loc)

    def _template(self, raw: _Raw, loc: Loc, spec: DriverSpec | None) -> tuple[_Raw | None, Loc]:
        """Return the template that the device uses, an empty one if it uses none, None if that is a mistake."""
        if "use" not in raw:
            return {}, loc
        use, place = raw["use"], (*loc, "use")
        if not isinstance(use, str) or use not in self._templates:
            self._document.mistake(place, f'there is no template "{use}"; {one_of(str(use), self._templates)}')
            return None, loc
        its_spec, template = self._templates[use]
        if its_spec is not None and spec is not None and its_spec is not spec:
            message = f'template "{use}" speaks {its_spec.protocol}, connection "{raw["on"]}" {spec.protocol}'
            self._document.mistake(place, message)
            return None, loc
        return template if its_spec is not None else None, ("templates", use)

    def _check_name(self, name: object, loc: Loc) -> None:
        first = self._names.setdefault(str(name), loc)
        if first != loc:
            line = self._document.lines[self._document.known((*first, "name"))]
            message = f'the name "{name}" is taken by the device on line {line}; readings are told apart by it'
            self._document.mistake((*loc, "name"), message)

    def _points(self, device: DeviceOptions, origins: Mapping[Loc, Loc], loc: Loc) -> Iterable[Point]:
        declared = {**getattr(device, "tags", {}), **device.families}
        if not declared:
            self._document.mistake(loc, f'device "{device.name}" has no tags; give it some, or a template with some')
        for name, tag in declared.items():
            where = _origin(("tags", name), origins, loc)
            options = tags.effective(tag, self._defaults.publish, self._defaults.every)
            self._check_tag(name, tag, origins, loc)
            if not 1 <= len(name) <= 200 or not name.isprintable():
                self._document.mistake(where, "expected a tag's name of 1 to 200 printable characters")
            assert options.every is not None  # noqa: S101 - effective() just gave it
            yield Point(device.name, name, options.every, device, options)

    def _check_tags_alone(self, spec: DriverSpec, raw: object, origins: Mapping[Loc, Loc], loc: Loc) -> None:
        """Judge the sound tags of a device that is not, so that all mistakes are said at once."""
        for name, tag in raw.items() if isinstance(raw, dict) else ():
            for model in types_at(spec.device, ("tags", name)):
                with suppress(ValidationError):
                    self._check_tag(name, model.model_validate(tag), origins, loc)

    def _check_tag(self, name: str, tag: TagOptions, origins: Mapping[Loc, Loc], loc: Loc) -> None:
        for key, message in (*tags.disagreements(tag), *tags.heartbeat(tag.publish or self._defaults.publish)):
            self._document.mistake(_origin(("tags", name, key), origins, loc), message)


def fill(value: Any, device: str) -> Any:
    """Put a device's name where a template says `{device}`, in any text within `value`."""
    if isinstance(value, str):
        return value.replace("{device}", device)
    if isinstance(value, dict):
        return {key: fill(inner, device) for key, inner in value.items()}
    return [fill(inner, device) for inner in value] if isinstance(value, list) else value


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


def _origin(inner: Loc, origins: Mapping[Loc, Loc], default: Loc) -> Loc:
    """Return where in the file `inner` stands: by the longest part of it that is known."""
    for length in range(len(inner), 0, -1):
        if inner[:length] in origins:
            return origins[inner[:length]] + inner[length:]
    return default + inner
