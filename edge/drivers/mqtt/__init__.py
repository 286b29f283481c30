"""The MQTT driver: messages of a broker, acknowledged once their readings are on disk."""

from edge.drivers.mqtt.config import MqttConnection, MqttDevice
from edge.drivers.spec import DriverSpec

SPEC = DriverSpec(
    protocol="mqtt",
    connection=MqttConnection,
    device=MqttDevice,
    factory="edge.drivers.mqtt.driver:build",
    inspector="edge.drivers.mqtt.inspect:build",
)
