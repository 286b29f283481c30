"""What the configuration says about the gateway itself: identity, cloud, buffer, defaults, health page."""

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from edge.config.spelling import one_of
from edge.drivers.spec import Named, Options, PublishOptions
from edge.ports import FIRST
from edge.units import Duration, DurationOrOff, OldReadings, Rate, Size, StaleAfter


def _timezone(name: str) -> str:
    """Accept a name of the IANA time zone database.

    Raises:
        ValueError: There is no such zone.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        if not available_timezones():
            # Windows has no such database, and Python's own is not installed: nothing to judge it by
            return name
        raise ValueError(f'"{name}" is not an IANA time zone; {one_of(name, available_timezones())}') from error
    return name


def _printable(name: str) -> str:
    """Accept a name that every screen can show, as the wire demands of a gateway's.

    Raises:
        ValueError: It holds a character that cannot be seen.
    """
    if not name.isprintable():
        raise ValueError(f"{name!r} holds characters that cannot be shown; expected letters, digits, -, _ and .")
    return name


def _cloud_url(url: str) -> str:
    """Accept the address of a cloud, without the path of its API.

    Raises:
        ValueError: Not http or https, no host, or more than scheme, host, port and path.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f'"{url}" is not an address of a cloud; write it as https://cloud.example.com')
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("expected scheme, host and port only; the token goes to cloud.token")
    try:
        parts.port  # noqa: B018 - the property raises for a port that is none
    except ValueError as error:
        raise ValueError(f'"{url}" has no valid port; expected 1..65535') from error
    return url.rstrip("/")


def _token(token: SecretStr) -> SecretStr:
    """Accept a token that an HTTP header can carry (RFC 6750, 2.1).

    Raises:
        ValueError: It holds anything else; the message does not repeat it.
    """
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]*", token.get_secret_value()):
        raise ValueError("holds characters that no token has (a space, a line break, a quote?); check where it is read")
    return token


class Address(Options):
    """Where a server listens."""

    host: str
    port: Annotated[int, Field(ge=0, le=65535)]

    @classmethod
    def read(cls, text: object) -> object:
        """Read `127.0.0.1:9108` or `[::1]:9108`; anything else is left for the model to refuse.

        Raises:
            ValueError: A text of another form.
        """
        if not isinstance(text, str):
            return text
        host, _, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        try:
            ipaddress.ip_address("127.0.0.1" if bare == "localhost" else bare)
            return cls(host=bare, port=int(port))
        except ValueError as error:
            raise ValueError(f'"{text}" is not an address and port such as 127.0.0.1:9108') from error


Listen = Annotated[
    Address,
    BeforeValidator(Address.read),
    WithJsonSchema({"type": "string", "pattern": r":\d{1,5}$", "examples": ["127.0.0.1:9108", "[::1]:9108"]}),
]


class GatewayOptions(Options):
    """Who this gateway is.

    Attributes:
        id: Names the gateway in every batch; the cloud knows its token by it.
        site, timezone: Shown on the health page.
        rollback_after: A change of a running gateway's configuration after which fewer tags are good for so long is
            undone; None (`off`) for never.
    """

    id: Annotated[Named, AfterValidator(_printable)]
    site: Named | None = None
    timezone: Annotated[str, AfterValidator(_timezone)] | None = None
    rollback_after: DurationOrOff = 60.0


class BacklogOptions(Options):
    """How batches are brought that waited; those of the last ten seconds always go first, and are not held up.

    Attributes:
        max_rate: At most so many bytes a second; as fast as it goes, if None.
        order: The oldest goes first.
    """

    max_rate: Annotated[Rate, Field(ge=1000)] | None = None
    order: Literal["oldest-first"] = "oldest-first"


def _proxy_url(url: str) -> str:
    """Accept the address of a proxy, or `none`.

    Raises:
        ValueError: It is none, or bears a password.
    """
    if url == "none":
        return url
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "socks5", "socks5h"} or not parts.hostname:
        raise ValueError(f'"{url}" is not an address of a proxy; write it as http://proxy.example.com:3128, or none')
    if parts.username is not None or parts.path.rstrip("/") or parts.query or parts.fragment:
        raise ValueError("expected scheme, host and port only; name and password of a proxy go to cloud.proxy_user")
    return url.rstrip("/")


class ProxyUser(Options):
    """Who we are at the proxy."""

    name: Named
    password: Annotated[SecretStr, Field(min_length=1)]


class CloudTls(Options):
    """What TLS to the cloud relies on. The cloud's certificate and name are always verified.

    Attributes:
        ca: File with the certificates that may have signed the cloud's (PEM); the usual authorities if absent.
        certificate, key: Files with our own (PEM), for a cloud behind a proxy that wants one.
    """

    ca: Annotated[str, Field(min_length=1)] | None = None
    certificate: Annotated[str, Field(min_length=1)] | None = None
    key: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_a_pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` go together")
        return self


class DestinationOptions(Options):
    """Where batches go.

    Attributes:
        url: Scheme, host and port, such as https://cloud.example.com.
        token: The gateway's token there; only ever a reference.
        max_in_flight: Batches under way at once.
        backlog: How batches are brought that waited.
        tls: What TLS relies on.
        proxy: What stands between: an address, `none`, or, if absent, what the environment says.
        proxy_user: Who we are there.
    """

    url: Annotated[str, AfterValidator(_cloud_url)]
    token: Annotated[SecretStr, Field(min_length=1), AfterValidator(_token)]
    max_in_flight: Annotated[int, Field(ge=1, le=16)] = 3
    backlog: BacklogOptions = BacklogOptions()
    tls: CloudTls = CloudTls()
    proxy: Annotated[str, AfterValidator(_proxy_url)] | None = None
    proxy_user: ProxyUser | None = None

    @model_validator(mode="after")
    def _proxy_user_has_proxy(self) -> Self:
        if self.proxy_user is not None and self.proxy in {None, "none"}:
            raise ValueError("`proxy_user` needs a `proxy` beside it")
        return self


class CloudOptions(DestinationOptions):
    """The cloud that this gateway belongs to: the first destination, and the only one that may configure it.

    Attributes:
        configures: What of this gateway's configuration may be set in the cloud: `nothing`, `devices` (with templates
            and defaults), or `connections` too, but for those that refer to a secret.
    """

    configures: Literal["nothing", "devices", "connections"] = "nothing"


def _destination_name(name: str) -> str:
    """Accept a name that a file and a figure's label can bear.

    Raises:
        ValueError: It is the first destination's, or holds other characters.
    """
    if name == FIRST:
        raise ValueError(f'"{FIRST}" is the first destination, in a section of its own; choose another name')
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise ValueError(f'"{name}" is no name of a destination; expected up to 40 letters, digits, - and _')
    return name


DestinationName = Annotated[str, AfterValidator(_destination_name)]


def _kept(policy: object) -> object:
    """Accept `keep`: states, counts and alarms are never given up.

    Raises:
        ValueError: Another policy.
    """
    if policy != "keep":
        raise ValueError(f"{policy!r} is not offered for state, which is never thinned or dropped; write keep")
    return policy


class WhenFullOptions(Options):
    """What a full buffer gives up of each class of tags, the oldest first: `keep`, `thin 1min` or `drop`."""

    state: Annotated[Literal["keep"], BeforeValidator(_kept)] = "keep"
    process: OldReadings = "thin 1min"
    debug: OldReadings = "drop"


class BufferOptions(Options):
    """Where readings are kept until the cloud has them.

    Attributes:
        path: The buffer's file; its directory is the daemon's state directory. Relative to this file.
        durability: `strict`: nobody hears that a reading was taken before it has survived a power cut.
        max_size: What the buffer may take on disk.
        keep_free: The buffer does not grow while its volume has less than this free.
        when_full: What happens to each class of tags then.
    """

    path: Annotated[str, Field(min_length=1), AfterValidator(_printable)]
    durability: Literal["strict"] = "strict"
    max_size: Annotated[Size, Field(ge=10_000_000)] = 2_000_000_000
    keep_free: Annotated[Size, Field(ge=0)] = 0
    when_full: WhenFullOptions = WhenFullOptions()


class DefaultOptions(Options):
    """What holds for every tag that does not say otherwise.

    Attributes:
        every: Period of reading or sampling.
        publish: When a reading is kept.
        stale_after: After so long without a reading a value is called bad; periods count where tags are polled.
    """

    every: Duration = 1.0
    publish: PublishOptions = PublishOptions()
    stale_after: StaleAfter = "off"


class HealthOptions(Options):
    """Where the local page, its JSON and the metrics are served.

    Attributes:
        listen: Address and port; port 0 takes a free one. On loopback whoever works on this machine may read.
        token: What a reader has to show; needed beyond loopback, and only ever a reference.
    """

    listen: Listen = Address(host="127.0.0.1", port=9108)
    token: Annotated[SecretStr, Field(min_length=16), AfterValidator(_token)] | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.listen.host == "localhost" or ipaddress.ip_address(self.listen.host).is_loopback

    @model_validator(mode="after")
    def _is_protected(self) -> Self:
        if not self.is_local and self.token is None:
            raise ValueError(
                f"listen: {self.listen.host} can be reached from elsewhere, so a `token` is needed beside it: "
                "${file:PATH} of at least 16 characters (openssl rand -hex 24), or listen on 127.0.0.1"
            )
        return self


class FileOptions(Options):
    """The whole file, as far as it can be judged without knowing the protocols."""

    version: Literal[1]
    gateway: GatewayOptions
    cloud: CloudOptions
    destinations: Annotated[dict[DestinationName, DestinationOptions], Field(max_length=7)] = Field(
        default_factory=dict
    )
    buffer: BufferOptions
    defaults: DefaultOptions = DefaultOptions()
    health: HealthOptions = HealthOptions()
    templates: dict[Named, dict[str, object]] = Field(default_factory=dict)
    connections: dict[Named, dict[str, object]] = Field(default_factory=dict)
    devices: list[dict[str, object]] = Field(default_factory=list)
