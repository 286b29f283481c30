"""The options of a session with a broker, whatever is spoken over it."""

from abc import abstractmethod
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from edge.drivers.spec import ConnectionOptions, Held, Named, Options
from edge.units import Duration, Size

# schemes and their usual ports: MQTT, and WebSockets under it, plain and over TLS
_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_EXPECTED = "write mqtt://host:1883, mqtts://host:8883, ws://host/mqtt or wss://host/mqtt"


def checked_url(text: str) -> str:
    """Accept the address of a broker.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(text)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{text!r} is not the address of a broker; {_EXPECTED}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"{_EXPECTED}; user name and password have keys of their own")
    if parts.path.strip("/") and parts.scheme in {"mqtt", "mqtts"}:
        raise ValueError(f"{text!r}: only ws:// and wss:// have a path; write {parts.scheme}://host:port")
    if parts.port == 0:
        raise ValueError(f"{text!r}: port 0 is no broker's; {_PORTS[parts.scheme]} is usual")
    return text


def _file(text: str) -> str:
    if not (PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()):
        raise ValueError(f"{text!r}: expected an absolute path such as /etc/tezgah/ca.pem")
    return text


BrokerUrl = Annotated[str, AfterValidator(checked_url)]
File = Annotated[str, AfterValidator(_file)]


class TlsOptions(Options):
    """What a session over TLS relies on.

    Attributes:
        ca: File with the certificates that may have signed the broker's, or with the broker's own; the system's if
            absent. The broker's name must stand in its certificate in any case.
        cert, key: Files with our own certificate and its key, for a broker that asks for one.
        key_password: The key's password, if it has one.
    """

    ca: File | None = None
    cert: File | None = None
    key: File | None = None
    key_password: SecretStr | None = None

    @model_validator(mode="after")
    def _cert_has_key(self) -> Self:
        if self.key is not None and self.cert is None:
            raise ValueError("`key` needs a `cert` beside it")
        return self


class BrokerOptions(ConnectionOptions):
    """A session with one broker.

    Attributes:
        version: 3 for MQTT 3.1.1, or 5.
        client_id: Names the session that the broker keeps while the gateway is away: never change it without need,
            and never give it to two clients.
        tls: What a session over mqtts:// or wss:// relies on.
        username, password: What the broker asks for, if anything.
        keepalive: A dead connection is noticed within twice this time.
        timeout: Time for connecting, greeting and subscribing together.
        max_payload: A larger message is not kept in memory and not decoded; its tags read bad.
    """

    client_id: Named
    version: Literal[3, 5] = 3
    tls: TlsOptions = TlsOptions()
    username: str | None = None
    password: SecretStr | None = None
    keepalive: Annotated[Duration, Field(ge=1, le=65535)] = 30.0
    timeout: Annotated[Duration, Field(gt=0)] = 5.0
    # above that a message is put together by copying it too often
    max_payload: Annotated[Size, Field(ge=1, le=16_000_000)] = 1_000_000

    @property
    @abstractmethod
    def url(self) -> str:
        """The broker's address."""

    @property
    def held(self) -> Held | None:
        """The name at the broker: whoever connects under it puts the one before out."""
        what = f"client_id {self.client_id} at {self.host}:{self.port}"
        return Held("client_id", what, "they would put each other out without end: give this one another name")

    @property
    def session_expiry_s(self) -> int | None:
        """For how long the broker keeps the session while we are away; None if each session is a new one."""
        return None

    @property
    def receive_maximum(self) -> int:
        """How many messages of QoS 1 the broker may send before we acknowledge."""
        return 65535

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def host(self) -> str:
        """The broker's host name or address."""
        return self._parts.hostname or ""

    @property
    def port(self) -> int:
        """The broker's port; the scheme's usual one if the address names none."""
        return self._parts.port or _PORTS[self._parts.scheme]

    @property
    def path(self) -> str:
        """The path of a WebSocket."""
        return self._parts.path or "/"

    @property
    def is_tls(self) -> bool:
        """Whether the session is encrypted."""
        return self._parts.scheme in {"mqtts", "wss"}

    @property
    def is_websocket(self) -> bool:
        """Whether MQTT goes through a WebSocket."""
        return self._parts.scheme in {"ws", "wss"}

    @model_validator(mode="after")
    def _password_has_user(self) -> Self:
        # MQTT 3.1.1, 3.1.2.9: a password without a user name is a protocol error
        if self.password is not None and self.username is None:
            raise ValueError("`password` needs a `username` beside it")
        if not self.is_tls and self.tls.model_fields_set:
            raise ValueError(f"`tls` is for mqtts:// and wss://; {self.url} is not encrypted")
        return self
