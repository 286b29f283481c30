"""The options of MQTT connections, devices and tags, as they stand in the configuration."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from edge.drivers.broker.options import BrokerOptions, BrokerUrl
from edge.drivers.mqtt.jsonpath import parse
from edge.drivers.mqtt.timestamp import TimeFormat
from edge.drivers.spec import DeviceOptions, Named, Options, TagOptions
from edge.units import Duration


def _checked_topic(text: str) -> str:
    """Check a topic or topic filter (MQTT 3.1.1, 4.7)."""
    if "{" in text:
        raise ValueError(f"{text!r}: parts of a topic cannot be captured yet; name each device with its own topic")
    if text.startswith("$share/"):
        raise ValueError(f"{text!r}: a shared subscription gives this gateway only a part; write the topic alone")
    if not text or len(text.encode("utf-8", "surrogatepass")) > 65535 or not text.isprintable():
        raise ValueError("a topic has 1 to 65535 bytes of UTF-8 and no control characters")
    levels = text.split("/")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f"{text!r}: + stands for one whole level, as in plant/+/data")
    if "#" in "".join(levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError(f"{text!r}: # stands for all remaining levels, at the end, as in plant/#")
    return text


def _checked_name(text: str) -> str:
    if re.search(r"\{\d*\}", text):
        raise ValueError(f"{text!r}: a name cannot be made from parts of a topic yet; name each device by itself")
    return text


def _checked_path(text: str) -> str:
    parse(text)
    return text


JsonPath = Annotated[str, AfterValidator(_checked_path)]


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
    """Where a message carries its time, and how it is written."""

    path: JsonPath
    format: TimeFormat


class MqttTag(TagOptions):
    """A tag of a message.

    Attributes:
        path: `json` in the file: the JSON path of its value, `$` for a message that is the value itself.
    """

    path: Annotated[JsonPath, Field(alias="json")]


class MqttDevice(DeviceOptions):
    """A device that publishes on one topic, or on several that one filter matches.

    Attributes:
        topic: Topic or filter with + and #.
        qos: 1 keeps every message until it is on disk; 0 is for what may be lost.
        ts: The messages' own time. Without it the time of arrival counts, and a message that the broker
            sends again after a crash of the gateway becomes a second reading.
        tags: Name to path.
    """

    name: Annotated[Named, AfterValidator(_checked_name)]
    topic: Annotated[str, AfterValidator(_checked_topic)]
    qos: Literal[0, 1] = 1
    ts: TimestampOptions | None = None
    tags: Annotated[dict[Named, MqttTag], Field(min_length=1)]

    @property
    def is_kept_by_source(self) -> bool:
        """The broker's session keeps messages of QoS 1; where the session is gone, the driver says so."""
        return self.qos == 1
