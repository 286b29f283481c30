"""The options of Sparkplug connections, devices and tags, as they stand in the configuration."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.drivers.broker.options import BrokerOptions, BrokerUrl
from edge.drivers.spec import DeviceOptions, Named, Options, TagOptions
from edge.units import Duration

# the family of metrics that stand under no tag
DISCOVERED = "*"
_PLACE = re.compile(r"\{(\d+)\}")


def _checked_id(text: str) -> str:
    """Check an identifier of Sparkplug's (3.0, 4.1.2): any text without /, + and #."""
    if not text or any(char in text for char in "/+#") or not text.isprintable():
        raise ValueError(f"{text!r}: expected a name without /, + and #; * stands for any characters")
    return text


Id = Annotated[str, AfterValidator(_checked_id)]


class RebirthOptions(Options):
    """How a node is asked for its birth when something it said was not heard.

    Attributes:
        every: A node is asked once in this time.
        pace: At most one node is asked in this time, so that a plant is not asked all at once.
    """

    every: Annotated[Duration, Field(ge=1)] = 30.0
    pace: Annotated[Duration, Field(gt=0)] = 0.1


class SparkplugConnection(BrokerOptions):
    """A session with a broker as a Sparkplug host application; every session begins anew, as the standard has it.

    Attributes:
        sparkplug: Address, `mqtt://host:1883`, `mqtts://`, `ws://` or `wss://`.
        host_id: Our name as a host, told on the STATE topic; nodes that know it as their primary host keep what they
            have to say while we are away. Absent: nothing is told.
        state: What is told there: `json` as in Sparkplug 3.0, or a `word` as in 2.2, on the topic of that time.
        rebirth: How nodes are asked for their birth.
        in_flight: Messages that may be received and not yet on disk.
    """

    sparkplug: BrokerUrl
    host_id: Id | None = None
    state: Literal["json", "word"] = "json"
    rebirth: RebirthOptions = RebirthOptions()
    in_flight: Annotated[int, Field(ge=1, le=65535)] = 1000

    @property
    def url(self) -> str:
        """The broker's address."""
        return self.sparkplug

    @property
    def receive_maximum(self) -> int:
        """How much the broker may send before it is acknowledged."""
        return self.in_flight


class SparkplugTag(TagOptions):
    """A tag.

    Attributes:
        metric: The metric's name, such as `Motor/Speed`; a cell of a data set is `Table/0/Column`, an element of an
            array `Array/0`, a member of a template `Template/Member`.
    """

    metric: Annotated[str, Field(min_length=1, max_length=200)]


class DiscoverOptions(TagOptions):
    """Which metrics become tags by themselves, when a birth tells them; the other options hold for each.

    Attributes:
        include, exclude: Patterns of metrics' names; * stands for any characters but /, ** for those too.
        prefix: Before the metric's name, for the tag's.
    """

    include: Sequence[Named] = ("**",)
    exclude: Sequence[Named] = ("bdSeq", "Node Control/**", "Device Control/**", "Node Info/**")
    prefix: Annotated[str, Field(max_length=100)] = ""


class SparkplugDevice(DeviceOptions):
    """A device of a node, the node itself, or all that patterns match.

    Attributes:
        group: The group; * stands for any characters.
        node: The edge node, the same.
        source: The device of that node, the same; absent for the node's own metrics.
        device: The name of the device that a message is of, with {1} for the group, {2} the node, {3} the source.
            Needed where there are patterns; devices are made when they are born.
        discover: Metrics that become tags by themselves.
        tags: Name to metric.
    """

    group: Id
    node: Id
    source: Id | None = None
    device: Named | None = None
    discover: DiscoverOptions | None = None
    tags: dict[Named, SparkplugTag] = Field(default_factory=dict)

    @property
    def is_pattern(self) -> bool:
        """Whether births make the names of devices."""
        return "*" in self.group + self.node + (self.source or "")

    @property
    def families(self) -> Mapping[str, TagOptions]:
        """Tags that only a birth tells."""
        found: dict[str, TagOptions] = dict(self.tags) if self.is_pattern else {}
        if self.discover is not None:
            found[DISCOVERED] = self.discover
        return found

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for complaint in self._complaints():
            raise ValueError(complaint)
        return self

    def _complaints(self) -> Iterator[str]:
        wanted = {
            place for place, pattern in enumerate((self.group, self.node, self.source or ""), start=1) if "*" in pattern
        }
        given = {int(place) for place in _PLACE.findall(self.device or "")}
        if wanted - given:
            places = ", ".join(f"{{{place}}}" for place in sorted(wanted))
            yield f"`device` is missing, or misses a place: with patterns a device's name needs {places}"
        if not wanted and self.device is not None:
            yield f"{self.device!r}: `device` is for patterns; one device has its name as `name`"
        if given - {1, 2, 3}:
            yield f"{self.device!r}: there are {{1}} the group, {{2}} the node and {{3}} the source"
        if not self.tags and self.discover is None:
            yield "neither `tags` nor `discover`; `discover: {}` takes every metric"
