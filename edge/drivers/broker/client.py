"""How paho's client is set up: one connection, acknowledged by hand, its socket behind our pipe."""

import math
import socket
import ssl
from dataclasses import dataclass

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.drivers.broker.options import BrokerOptions
from edge.drivers.broker.pipe import Pipe
from edge.errors import DriverRefused


@dataclass(frozen=True, slots=True)
class Will:
    """What a broker publishes for a client that vanishes."""

    topic: str
    payload: bytes
    qos: int
    is_retained: bool


class Client(paho.Client):
    """paho's client, whose socket is a `Pipe`.

    Attributes:
        pipe: The connection's, once it is connected.
        secured: Its TLS below the pipe and a WebSocket; None without.
    """

    pipe: Pipe | None = None
    secured: ssl.SSLSocket | None = None

    def _create_socket(self) -> Pipe:  # type: ignore[override]  # paho declares less than it uses
        """Connect, and put the pipe in front; paho has no public door for that (2.1 and 2.2 are alike here)."""
        self.pipe = Pipe(super()._create_socket())
        return self.pipe

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """Keep hold of TLS, which a WebSocket would hide."""
        self.secured = super()._ssl_wrap_socket(tcp_sock)
        return self.secured


def make(options: BrokerOptions) -> Client:
    """Make a client that connects once and sends no PUBACK by itself.

    Raises:
        DriverRefused: A file of `tls` cannot be used.
    """
    is_v5 = options.version == 5
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        clean_session=None if is_v5 else options.session_expiry_s is None,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        transport="websockets" if options.is_websocket else "tcp",
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = options.timeout
    if options.is_websocket:
        client.ws_set_options(path=options.path)
    if options.is_tls:
        client.tls_set_context(tls_context(options))
    if options.username is not None:
        password = options.password.get_secret_value() if options.password else None
        client.username_pw_set(options.username, password)
    return client


def tls_context(options: BrokerOptions) -> ssl.SSLContext:
    """Load what TLS relies on: the broker's certificate and its name are always checked.

    Raises:
        DriverRefused: A file cannot be used.
    """
    tls = options.tls
    file = tls.ca
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        # RFC 8996: what is older than 1.2 is broken
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        file = tls.cert
        if tls.cert is not None:
            password = tls.key_password.get_secret_value() if tls.key_password else ""
            context.load_cert_chain(tls.cert, tls.key, password)
    except OSError as error:
        expected = "certificates in PEM" if file == tls.ca else f"a certificate and its key ({tls.key or tls.cert})"
        raise DriverRefused(f"{file} cannot be used ({error}); expected {expected}, readable by the gateway") from error
    return context


def connect(client: paho.Client, options: BrokerOptions) -> None:
    """Resolve, connect and queue CONNECT; blocks for at most `timeout` an address, and as long as names take.

    Raises:
        OSError: The broker cannot be reached, or TLS fails (ssl.SSLError).
        UnicodeError: The host is no name.
        paho.WebsocketConnectionError: What answers speaks no WebSocket at this path.
    """
    keepalive = math.ceil(options.keepalive)
    if options.version == 3:
        client.connect(options.host, options.port, keepalive)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = options.session_expiry_s or 0
    properties.ReceiveMaximum = options.receive_maximum
    is_new = options.session_expiry_s is None
    client.connect(options.host, options.port, keepalive, clean_start=is_new, properties=properties)
