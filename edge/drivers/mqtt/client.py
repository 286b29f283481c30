"""How paho's client is set up for a persistent session that this process acknowledges by hand."""

import math

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.drivers.mqtt.config import MqttConnection


def make(options: MqttConnection) -> paho.Client:
    """Make a client that connects once, keeps the broker's session, and sends no PUBACK by itself."""
    is_v5 = options.version == 5
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        clean_session=None if is_v5 else False,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = options.timeout
    if options.username is not None:
        password = options.password.get_secret_value() if options.password else None
        client.username_pw_set(options.username, password)
    return client


def connect(client: paho.Client, options: MqttConnection) -> None:
    """Resolve, connect and queue CONNECT; blocks for at most `timeout` an address, and as long as names take.

    Raises:
        OSError: The broker cannot be reached.
        UnicodeError: The host is no name.
    """
    keepalive = math.ceil(options.keepalive)
    if options.version == 3:
        client.connect(options.host, options.port, keepalive)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = int(options.session_expiry)
    properties.ReceiveMaximum = options.in_flight
    client.connect(options.host, options.port, keepalive, clean_start=False, properties=properties)
