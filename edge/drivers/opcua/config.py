"""Owns what an OPC UA connection, device and tag may say in the configuration."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from edge.drivers.opcua.profiles import ProfileName
from edge.drivers.opcua.security import Policy, Security, User
from edge.drivers.spec import ConnectionOptions, DeviceOptions, Named, TagOptions
from edge.units import Duration

# OPC UA Part 6, 5.3.1.10 (the XML form of a node id), and `nsu=` of OPC 10000-6 1.05, 5.1.12
_NODE = re.compile(
    r"(?:ns=\d{1,5};|nsu=[^;\x00-\x1f]+;)?"
    r"(?:i=\d{1,10}|s=[^\x00-\x1f]+|g=[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|b=[0-9A-Za-z+/]+={0,2})"
)
_PORT = 4840


def endpoint(url: str) -> str:
    """Check an endpoint's address and complete it with the registered port.

    Raises:
        ValueError: Not `opc.tcp://host[:port][/path]`, or it carries a user.
    """
    parts = urlsplit(url)
    if parts.scheme != "opc.tcp" or not parts.hostname:
        raise ValueError(f"{url!r} is no OPC UA endpoint; write opc.tcp://host:{_PORT}")
    if "@" in parts.netloc:
        # the message must not repeat the password
        raise ValueError("a user does not belong in an endpoint; write it as `user: {name: .., password: ..}`")
    if parts.port is None:
        parts = parts._replace(netloc=f"{parts.netloc}:{_PORT}")
    return parts.geturl()


def node_id(text: str) -> str:
    """Check the text of a node id.

    Raises:
        ValueError: Not `[ns=<index>;|nsu=<uri>;](i=|s=|g=|b=)<identifier>`.
    """
    if not _NODE.fullmatch(text):
        raise ValueError(
            f"{text!r} is no node id; write ns=<index>;s=<name> (or i=<number>, g=<guid>, b=<base64>), "
            "or nsu=<namespace URI>;s=<name>"
        )
    return text


def plain_path(text: str) -> str:
    """Check a path to one node.

    Raises:
        ValueError: It has wildcards, or names nothing.
    """
    if not text.strip("/") or "*" in text:
        raise ValueError(f"{text!r} is no path to one node; write Objects/Press/Force, and wildcards under `browse`")
    return text


class Trigger(StrEnum):
    """What makes the server notify: a new value or status, or also a new source time of the same value."""

    VALUE = "value"
    TIMESTAMP = "timestamp"


class Backfill(StrEnum):
    """What is done for values that were missed while there was no session.

    `republish`: the session and its subscription are taken back, with all that the server kept meanwhile.
    `history`: that, and what is missing then is read from the server's history where it keeps one.
    `none`: neither; the time is a gap.
    """

    HISTORY = "history"
    REPUBLISH = "republish"
    NONE = "none"


class OpcUaConnection(ConnectionOptions):
    """A session with a server.

    Attributes:
        opcua: The endpoint, `opc.tcp://host:4840`.
        security: How messages are protected; without it they are not, and the server is not known for genuine.
        user: Who the gateway is to the server; anonymous if absent.
        timeout: How long the server may take to answer a request, seconds.
        publishing_interval: How often it sends what has changed, seconds.
        survive_outage: How long a cut may last without loss, seconds: session, subscription and queues are asked for
            accordingly.
        backfill: What is done for what was missed.
        profile: What kind of server it is; by what it says of itself if absent.
        server_time: Whether the server's time of each value is kept beside the source's, in a tag `<tag>_server_time`.
    """

    opcua: Annotated[str, AfterValidator(endpoint)]
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 4.0
    publishing_interval: Annotated[Duration, Field(gt=0, le=3600)] = 0.25
    security: Security | None = None
    user: User | None = None
    survive_outage: Annotated[Duration, Field(ge=1, le=86400)] = 60.0
    backfill: Backfill = Backfill.REPUBLISH
    profile: ProfileName | None = None
    server_time: bool = False

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.user is not None and not self.is_secured:
            raise ValueError(
                "a user over policy None would show its password or be anybody's guess to a false server; "
                f"add `security: {{policy: {Policy.BASIC256SHA256}}}`"
            )
        return self

    @property
    def is_secured(self) -> bool:
        """Whether there is any security."""
        return self.security is not None and self.security.policy is not Policy.NONE

    @property
    def delivery_s(self) -> float:
        """A value waits for the next publishing, whose answer may take until it counts as lost."""
        return self.publishing_interval + self.timeout


class Reading(StrEnum):
    """How a value is had: the server notifies of changes, or it is asked for it every `every`."""

    SUBSCRIBE = "subscribe"
    READ = "read"


class NodeOptions(TagOptions):
    """What every tag of an OPC UA server takes; `every` is the server's sampling interval, or the period of reading.

    Attributes:
        mode: How its value is had.
        queue: Values that the server keeps for this tag while nobody takes them; by default enough for
            `survive_outage`.
        trigger: What makes the server notify.
        server_time: Whether the server's time of each value is kept too; the connection's word if absent.
    """

    mode: Reading = Reading.SUBSCRIBE
    queue: Annotated[int, Field(ge=1, le=100_000)] | None = None
    trigger: Trigger = Trigger.VALUE
    server_time: bool | None = None


class OpcUaTag(NodeOptions):
    """A node whose value is read.

    Attributes:
        node: `ns=3;s=Press.Force`, or `nsu=<namespace URI>;s=..`, which survives a new order of namespaces.
        path: Instead, the way to it by browse names: `Objects/Press/Force`.
        index: Which element of an array, counted from 0; of a matrix one number a dimension.
        field: Which field of a structure; `Axes[2].Position` goes on inside.
    """

    node: Annotated[str, AfterValidator(node_id)] | None = None
    path: Annotated[str, AfterValidator(plain_path)] | None = None
    index: Annotated[int, Field(ge=0)] | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    field: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.node is None) == (self.path is None):
            raise ValueError("expected one of `node` and `path`")
        return self

    @property
    def address(self) -> str:
        """What names the node: a node id, or `path=` with a path."""
        return self.node if self.node is not None else f"path={self.path}"

    @property
    def indexes(self) -> tuple[int, ...]:
        """The element wanted of an array, one index a dimension; empty for the whole value."""
        if self.index is None:
            return ()
        return (self.index,) if isinstance(self.index, int) else tuple(self.index)


class Browse(NodeOptions):
    """Nodes that are found by a path with wildcards, each of which becomes a tag with these options.

    Attributes:
        path: `Objects/Press/Temps/*` for what is right below, `/**` for any depth; only variables count.
        prefix: What stands before a found node's name; the names below the wildcard are joined by `_`.
    """

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    prefix: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""

    def found(self, address: str) -> OpcUaTag:
        """Return the options of a tag that was found."""
        options = {name: getattr(self, name) for name in NodeOptions.model_fields}
        return OpcUaTag.model_construct(node=address, **options)


class OpcUaDevice(DeviceOptions):
    """A machine behind the server.

    Attributes:
        tags: Those that are known by name.
        browse: Those that are found on the server.
    """

    tags: dict[Named, OpcUaTag] = Field(default_factory=dict)
    browse: list[Browse] = Field(default_factory=list)

    @property
    def families(self) -> Mapping[str, TagOptions]:
        """What is found by browsing, by prefix and path."""
        return {f"{each.prefix}{each.path}": each for each in self.browse}

    @property
    def begins_afresh(self) -> bool:
        """A new monitored item is notified of at once (OPC UA Part 4, 5.13.1.3)."""
        return True

    @property
    def is_kept_by_source(self) -> bool:
        """The server keeps subscription and queues over a cut; the driver tells gaps where it did not."""
        return True
