"""Templates, connections and devices of the file, brought together into the points of each connection."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from pydantic import ValidationError

from edge.config import tags
from edge.config.anatomy import keys_at, types_at
from edge.config.check import validate
from edge.config.computing import computed
from edge.config.document import Document
from edge.config.entries import Entry, merge, origin
from edge.config.imports import Sheet
from edge.config.mistakes import Loc
from edge.config.options import DefaultOptions
from edge.config.placeholders import fill, placeholders
from edge.config.spelling import nearest, one_of
from edge.drivers.spec import ConnectionOptions, DeviceOptions, DriverSpec, Point, TagOptions

_Raw = Mapping[Any, Any]
# keys that place a device; a template is placed by whoever uses it
_PLACING = ("name", "on", "use")
# keys that are read here and not by the driver's model
_DEVICE_KEYS = ("use", "with")
_TEMPLATE_KEYS = ("protocol",)


class Plant:
    """Judges connections, templates and devices in this order, and collects the points.

    Attributes:
        connections: Name to driver and options, of those without mistakes.
        points: Name of a connection to its points, in the order of the file.
        computed: The same for points that are computed of them.
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
        self.computed: dict[str, list[Point]] = {}

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
            for key in (*_PLACING, "with"):
                if key in raw:
                    self._document.mistake((*loc, key), "belongs to a device, not to a template")
            rest = {key: value for key, value in raw.items() if key not in ("protocol", *_PLACING, "with")}
            known = fill(_without_placeholders(rest), {"device": "device"})
            validate(spec.device, known, self._document, lambda at: loc + at, is_partial=True, also=_TEMPLATE_KEYS)

    def add_devices(self, index: int, raw: _Raw) -> None:
        """Take an entry of `devices`: one device, or a CSV file of many."""
        if "import" not in raw:
            self.add_device(Entry(raw, ("devices", index)))
            return
        sheet = Sheet.read(self._document, ("devices", index), raw)
        for row in sheet.rows if sheet is not None else ():
            on = self._connection(row.given)
            spec = self._protocols[on] if on is not None else None
            use = row.given.raw.get("use")
            wanted = placeholders(self._templates[use][1]) if isinstance(use, str) and use in self._templates else set()
            keys = {*keys_at(spec.device, ()), *_DEVICE_KEYS} if spec is not None else None
            self.add_device(row.entry(keys, wanted))
        if sheet is not None:
            sheet.judge_columns()

    def add_device(self, entry: Entry) -> None:
        """Take a device; its connection says which options it may have."""
        on = self._connection(entry)
        spec = self._protocols[on] if on is not None else None
        if on is None or on not in self._protocols:
            return
        template, template_loc = self._template(entry, spec)
        filled = self._filled(template, entry) if template is not None else None
        if spec is None or template is None or filled is None:
            return
        own = {key: value for key, value in entry.raw.items() if key not in _DEVICE_KEYS}
        merged, places = merge(filled, template_loc, own, ())
        # what is the entry's own stands where the entry says, and so does what its words made of the template
        places = {
            at: _blamed(template, at, entry) or place if place[:1] == ("templates",) else entry.at(*place)
            for at, place in places.items()
        }
        device = validate(
            spec.device, merged, self._document, lambda at: origin(at, places, entry.loc), also=_DEVICE_KEYS
        )
        self._check_name(entry)
        if device is not None:
            families = device.families
            for point in self._points(device, places, entry.loc):
                (self.families if point.name in families else self.points).setdefault(on, []).append(point)
            place = partial(origin, origins=places, default=entry.loc)
            self.computed.setdefault(on, []).extend(computed(self._document, device, self._defaults, place))
        else:
            self._check_tags_alone(spec, merged.get("tags"), places, entry.loc)

    def _connection(self, entry: Entry) -> str | None:
        """Return the name of the connection that the device is on; None if that is a mistake."""
        raw = entry.raw
        on = str(raw["on"]) if isinstance(raw.get("on"), int) else raw.get("on")
        if not isinstance(on, str):
            message = "expected the name of a connection" if "on" in raw else 'the key "on" is missing'
            self._document.mistake(entry.at("on"), f"{message}; {one_of('', self._protocols)}")
            return None
        if on not in self._protocols:
            self._document.mistake(entry.at("on"), f'there is no connection "{on}"; {one_of(on, self._protocols)}')
            return None
        return on

    def _filled(self, template: _Raw, entry: Entry) -> dict[Any, Any] | None:
        """Put the device's values where its template has placeholders; None if one is missing, which is a mistake."""
        given = entry.raw.get("with", {})
        if not isinstance(given, Mapping) or not all(isinstance(value, str | int | float) for value in given.values()):
            self._document.mistake(entry.at("with"), "expected keys and values, such as {hall: 2}")
            given = {}
        values = {**entry.values, **{str(key): str(value) for key, value in given.items()}}
        values["device"] = str(entry.raw.get("name", ""))
        wanted = placeholders(template)
        for word in sorted(wanted - values.keys()):
            message = (
                f'template "{entry.raw["use"]}" has a place for {{{word}}}; say what it is, as `with: {{{word}: ..}}`'
            )
            self._document.mistake(entry.at("use"), f"{message} or in a column of that name")
        for word in given:
            if str(word) not in wanted:
                self._document.mistake(
                    entry.at("with", word), f"no place for it in the template; {one_of(str(word), wanted)}"
                )
        return None if wanted - values.keys() else {key: fill(value, values) for key, value in template.items()}

    def _template(self, entry: Entry, spec: DriverSpec | None) -> tuple[_Raw | None, Loc]:
        """Return the template that the device uses, an empty one if it uses none, None if that is a mistake."""
        raw, loc = entry.raw, entry.loc
        if "use" not in raw:
            return {}, loc
        use, place = raw["use"], entry.at("use")
        if not isinstance(use, str) or use not in self._templates:
            self._document.mistake(place, f'there is no template "{use}"; {one_of(str(use), self._templates)}')
            return None, loc
        its_spec, template = self._templates[use]
        if its_spec is not None and spec is not None and its_spec is not spec:
            message = f'template "{use}" speaks {its_spec.protocol}, connection "{raw["on"]}" {spec.protocol}'
            self._document.mistake(place, message)
            return None, loc
        return template if its_spec is not None else None, ("templates", use)

    def _check_name(self, entry: Entry) -> None:
        name, loc = entry.raw.get("name"), entry.at("name")
        first = self._names.setdefault(str(name), loc)
        if first != loc:
            place = self._document.place(first)
            message = f'the name "{name}" is taken by the device on {place}; readings are told apart by it'
            self._document.mistake(loc, message)

    def _points(self, device: DeviceOptions, origins: Mapping[Loc, Loc], loc: Loc) -> Iterable[Point]:
        declared = {**getattr(device, "tags", {}), **device.families}
        if not declared:
            self._document.mistake(loc, f'device "{device.name}" has no tags; give it some, or a template with some')
        for name, tag in declared.items():
            where = origin(("tags", name), origins, loc)
            options = tags.effective(tag, self._defaults, is_polled=device.is_polled)
            self._check_tag(name, tag, origins, loc)
            for key, message in (*tags.staleness(tag, is_polled=device.is_polled), *tags.compression(tag, device)):
                self._document.mistake(origin(("tags", name, key), origins, loc), message)
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
            self._document.mistake(origin(("tags", name, key), origins, loc), message)


def _without_placeholders(raw: _Raw) -> dict[Any, Any]:
    """Leave out what cannot be judged before a device says what it is: keys and tags with words other than {device}."""
    rest = {key: value for key, value in raw.items() if key == "tags" or not placeholders(value) - {"device"}}
    if isinstance(raw.get("tags"), dict):
        rest["tags"] = {name: tag for name, tag in raw["tags"].items() if not placeholders(tag) - {"device"}}
    return rest


def _blamed(template: _Raw, at: Loc, entry: Entry) -> Loc | None:
    """Return where the entry says the word that its template has a place for in a text; None if there is none."""
    value: Any = template
    for key in at:
        value = value[key]
    words = sorted(placeholders(value) - {"device"}) if isinstance(value, str) else []
    if not words:
        return None
    return entry.at(words[0]) if words[0] in entry.values else entry.at("with", words[0])
