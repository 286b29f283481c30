"""The Sparkplug B driver: a host application that knows which node lives, and what its numbers mean."""

from edge.drivers.sparkplug.config import SparkplugConnection, SparkplugDevice
from edge.drivers.spec import DriverSpec

SPEC = DriverSpec(
    protocol="sparkplug",
    connection=SparkplugConnection,
    device=SparkplugDevice,
    factory="edge.drivers.sparkplug.driver:build",
    inspector="edge.drivers.sparkplug.inspect:build",
)
