"""The options of MQTT connections, devices and tags, as they stand in the configuration."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from edge.drivers.mqtt.jsonpath import parse
from edge.drivers.mqtt.timestamp import TimeFormat
from edge.drivers.spec import ConnectionOptions, DeviceOptions, Named, Options, TagOptions
from edge.units import Duration, Size


def _checked_url(text: str) -> str:
    """Check the address of a broker, `mqtt://host:1883`."""
    parts = urlsplit(text)
    if parts.scheme in {"mqtts", "ssl", "ws", "wss"}:
        raise ValueError(f"{text!r}: TLS and WebSockets are not spoken yet; write mqtt://host:1883")
    if parts.scheme != "mqtt" or not parts.hostname:
        raise ValueError(f"{text!r} is not the address of a broker; write mqtt://host:1883")
    if parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("write only mqtt://host:port; user name and password have keys of their own")
    if parts.port == 0:
        raise ValueError(f"{text!r}: port 0 is no broker's; 1883 is usual")
    return text


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


class MqttConnection(ConnectionOptions):
    """A session with one broker.

    Attributes:
        mqtt: Address, `mqtt://host:1883`.
        version: 3 for MQTT 3.1.1, or 5, whose messages cost paho half as much CPU again.
        client_id: Names the session that the broker keeps while the gateway is away: never change it
            without need, and never give it to two clients.
        session: The broker keeps messages while the gateway is away; nothing else is offered.
        session_expiry: For how long it keeps them; MQTT 5 only, brokers have their own limit for 3.1.1.
        username, password: What the broker asks for, if anything.
        keepalive: A dead connection is noticed within twice this time.
        timeout: Time for connecting, greeting and subscribing together.
        in_flight: Messages that may be received and not yet on disk; MQTT 5 brokers keep to it themselves.
        max_payload: A larger message is not decoded; its tags read bad. What is received at all the broker
            limits (Mosquitto: `message_size_limit`).
    """

    mqtt: Annotated[str, AfterValidator(_checked_url)]
    client_id: Named
    version: Literal[3, 5] = 3
    session: Literal["persistent"] = "persistent"
    session_expiry: Annotated[Duration, Field(ge=1, le=4_294_967_295)] = 7 * 86400.0
    username: str | None = None
    password: SecretStr | None = None
    keepalive: Annotated[Duration, Field(ge=1, le=65535)] = 30.0
    timeout: Annotated[Duration, Field(gt=0)] = 5.0
    in_flight: Annotated[int, Field(ge=1, le=65535)] = 1000
    max_payload: Annotated[Size, Field(ge=1)] = 1_000_000

    @property
    def host(self) -> str:
        """The broker's host name or address."""
        return urlsplit(self.mqtt).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port; 1883 if the address names none."""
        return urlsplit(self.mqtt).port or 1883

    @model_validator(mode="after")
    def _password_has_user(self) -> Self:
        # MQTT 3.1.1, 3.1.2.9: a password without a user name is a protocol error
        if self.password is not None and self.username is None:
            raise ValueError("`password` needs a `username` beside it")
        return self


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
