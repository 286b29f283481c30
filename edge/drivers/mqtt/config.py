"""The options of MQTT connections, devices and tags, as they stand in the configuration."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from edge.drivers.broker.options import BrokerOptions, BrokerUrl
from edge.drivers.mqtt import topics
from edge.drivers.mqtt.jsonpath import parse
from edge.drivers.mqtt.payload import Form
from edge.drivers.mqtt.timestamp import TimeFormat
from edge.drivers.spec import DeviceOptions, Named, Options, TagOptions
from edge.units import Duration

# the family of points that name themselves and stand under no tag
UNLISTED = "*"
_COLUMNS = 10_000


def _checked_path(text: str) -> str:
    parse(text)
    return text


def _checked_array(text: str) -> str:
    """Check the path of an array; the `[*]` at its end may be left out."""
    parse(text.removesuffix("[*]"))
    return text.removesuffix("[*]")


def _checked_format(text: str) -> str:
    if text not in set(TimeFormat) and "%" not in text:
        expected = ", ".join(TimeFormat)
        raise ValueError(f"{text!r} is no format of a time; expected {expected} or a pattern such as %d.%m.%Y %H:%M:%S")
    return text


def _checked_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{text!r} is not an IANA time zone such as Europe/Istanbul") from error
    return text


def _checked_column(column: int | str) -> int | str:
    # a number that is no column's came as text
    if isinstance(column, int) and not 1 <= column <= _COLUMNS:
        raise ValueError(f"{column}: columns are counted from 1 to {_COLUMNS}, or named as in the header")
    return column


JsonPath = Annotated[str, AfterValidator(_checked_path)]
ArrayPath = Annotated[str, AfterValidator(_checked_array)]
# a column by its number, counted from 1, or by its name in the header
Column = Annotated[int | Named, AfterValidator(_checked_column)]


class MqttConnection(BrokerOptions):
    """A session with one broker, which keeps it while the gateway is away.

    Attributes:
        mqtt: Address, `mqtt://host:1883`, `mqtts://`, `ws://` or `wss://`.
        session: The broker keeps messages while the gateway is away; nothing else is offered.
        session_expiry: For how long it keeps them; MQTT 5 only, brokers have their own limit for 3.1.1.
        in_flight: Messages that may be received and not yet on disk; MQTT 5 brokers keep to it themselves.
    """

    mqtt: BrokerUrl
    session: Literal["persistent"] = "persistent"
    session_expiry: Annotated[Duration, Field(ge=1, le=4_294_967_295)] = 7 * 86400.0
    in_flight: Annotated[int, Field(ge=1, le=65535)] = 1000

    @property
    def url(self) -> str:
        """The broker's address."""
        return self.mqtt

    @property
    def session_expiry_s(self) -> int | None:
        """For how long the broker keeps the session."""
        return int(self.session_expiry)

    @property
    def receive_maximum(self) -> int:
        """How much the broker may send before it is acknowledged."""
        return self.in_flight


class TimestampOptions(Options):
    """Where a message carries its time, and how it is written.

    Attributes:
        path: Where it stands in JSON; within an array of points it is looked for in the element.
        column: Where it stands in a line of CSV.
        format: A number counted from 1970 UTC in s, ms, us or ns (a text of digits too), RFC 3339, or a pattern of
            Python's `strptime`.
        timezone: Of times by a pattern without `%z`.
    """

    path: JsonPath | None = None
    column: Column | None = None
    format: Annotated[str, AfterValidator(_checked_format)]
    timezone: Annotated[str, AfterValidator(_checked_zone)] | None = None

    @model_validator(mode="after")
    def _is_an_instant(self) -> Self:
        if (self.path is None) == (self.column is None):
            raise ValueError("expected one of `path` and `column`: where the time stands")
        if "%" in self.format and "%z" not in self.format and self.timezone is None:
            raise ValueError(f"{self.format!r} says no offset; add %z to it, or a `timezone` beside it")
        return self


class CsvOptions(Options):
    """How lines of cells are written.

    Attributes:
        delimiter: Between cells.
        decimal: Point or comma within numbers.
        header: The first line of each message names the columns.
    """

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    header: bool = False


class PointsOptions(Options):
    """An array of points in one message.

    Attributes:
        path: Where the array stands. Tags' paths, and that of the time, are then walked from each of its elements.
        name: Where an element says which tag it is; without it every element has all tags.
        value: Where it says the tag's value, if it names itself.
        unlisted: The options of tags that are not under `tags`; without it their points are left out and counted.
    """

    path: ArrayPath
    name: JsonPath | None = None
    value: JsonPath | None = None
    unlisted: TagOptions | None = None

    @model_validator(mode="after")
    def _is_named_whole(self) -> Self:
        if (self.name is None) != (self.value is None):
            raise ValueError("`name` and `value` go together")
        if self.unlisted is not None and self.name is None:
            raise ValueError("`unlisted` is for points that name themselves; give `name` and `value`")
        return self


class MqttTag(TagOptions):
    """A tag of a message.

    Attributes:
        path: `json` in the file: the JSON path of its value, `$` for a message that is the value itself.
        column: Its column in a line of CSV, counted from 1, or by its name in the header.
    """

    path: Annotated[JsonPath | None, Field(alias="json")] = None
    column: Column | None = None


class MqttDevice(DeviceOptions):
    """A device that publishes on one topic, or many devices behind one filter.

    Attributes:
        topic: Topic or filter with + and #.
        device: The name of the device that a message is of, with {1}, {2} for what the filter's wildcards stand for.
            Devices are made when their first message comes; `name` is then only this entry's. Names of tags, and
            `machine`, may have such places too.
        qos: 1 keeps every message until it is on disk; 0 is for what may be lost.
        payload: `json`, `csv`, or `text` for a message that is the value itself.
        csv: How CSV is written.
        points: An array of points within JSON.
        ts: The messages' own time. Without it the time of arrival counts, and a message that the broker
            sends again after a crash of the gateway becomes a second reading.
        json: Short for tags that have nothing but a path, and for `ts`: `{weight_kg: $.w, ts: {..}}`.
        tags: Name to place in the message.
    """

    topic: Annotated[str, AfterValidator(topics.checked)]
    device: Named | None = None
    qos: Literal[0, 1] = 1
    payload: Form = Form.JSON
    csv: CsvOptions = CsvOptions()
    points: PointsOptions | None = None
    ts: TimestampOptions | None = None
    short: Annotated[dict[Named, JsonPath | TimestampOptions] | None, Field(alias="json")] = None
    tags: dict[Named, MqttTag] = Field(default_factory=dict)

    @property
    def families(self) -> Mapping[str, TagOptions]:
        """Tags whose device, or whose own name, only a message tells."""
        found: dict[str, TagOptions] = dict(self.tags) if self.is_pattern else {}
        if self.points and self.points.unlisted:
            found[UNLISTED] = self.points.unlisted
        return found

    @property
    def is_pattern(self) -> bool:
        """Whether topics make the names."""
        return bool(topics.places(" ".join((self.device or "", *self.tags))))

    @property
    def is_kept_by_source(self) -> bool:
        """The broker's session keeps messages of QoS 1; where the session is gone, the driver says so."""
        return self.qos == 1

    @model_validator(mode="before")
    @classmethod
    def _unfolded(cls, raw: Any) -> Any:
        """Let what `json` says in short stand where it is looked for."""
        short = raw.get("json") if isinstance(raw, dict) else None
        if not isinstance(short, dict):
            return raw
        tags = {name: {"json": path} for name, path in short.items() if name != "ts"}
        more = {"ts": short["ts"]} if "ts" in short else {}
        own = raw.get("tags", {})
        return {**raw, **more, "tags": {**tags, **own} if isinstance(own, dict) else own}

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for complaint in self._complaints():
            raise ValueError(complaint)
        return self

    def _complaints(self) -> Iterator[str]:
        if re.search(r"\{\d*\}", self.name):
            yield f"{self.name!r}: `name` is this entry's; write the pattern as `device`, such as scale-{{1}}"
        names = (self.device or "", self.machine or "", *self.tags)
        wild = topics.wildcards(self.topic)
        for name in names:
            beyond = {place for place in topics.places(name) if not 1 <= place <= wild}
            if beyond:
                yield f"{name!r}: {self.topic!r} has {wild} wildcards, so {{{max(beyond)}}} stands for nothing"
        if self.device is not None and not self.is_pattern:
            yield f"{self.device!r}: `device` wants a place such as {{1}}; a device with one name has it as `name`"
        if self.machine and topics.places(self.machine) and not self.is_pattern:
            yield f"{self.machine!r}: one device has one machine; give `device` a place such as {{1}} too"
        if not self.tags and not self.families:
            yield "the key `tags` is missing; give each value a name and a place: tags: {weight_kg: {json: $.w}}"
        if self.payload is not Form.JSON and self.points:
            yield f"`points` is for JSON, and the payload is {self.payload}"
        if self.ts and (self.ts.column is not None) != (self.payload is Form.CSV):
            yield f"`ts`: a time in {self.payload} has a `{'column' if self.payload is Form.CSV else 'path'}`"
        for name, tag in self.tags.items():
            yield from self._misplaced(name, tag)

    def _misplaced(self, name: str, tag: MqttTag) -> Iterator[str]:
        is_named = self.points is not None and self.points.name is not None
        wanted = {Form.JSON: "" if is_named else "json", Form.CSV: "column", Form.TEXT: ""}[self.payload]
        given = {key for key, place in (("json", tag.path), ("column", tag.column)) if place is not None}
        if given - {wanted}:
            yield f"tag {name!r}: `{min(given - {wanted})}` is not for this payload; expected {wanted or 'no place'}"
        elif wanted and not given:
            yield f"tag {name!r}: the key `{wanted}` is missing: where the value stands"
        if isinstance(tag.column, str) and not self.csv.header:
            yield f"tag {name!r}: a column by its name needs `csv: {{header: true}}`"
