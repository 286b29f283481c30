"""The OPC UA driver: one session with one server, values by subscription."""

from edge.drivers.opcua.advice import advise, companions
from edge.drivers.opcua.config import OpcUaConnection, OpcUaDevice
from edge.drivers.spec import DriverSpec

SPEC = DriverSpec(
    protocol="opcua",
    connection=OpcUaConnection,
    device=OpcUaDevice,
    factory="edge.drivers.opcua.driver:build",
    inspector="edge.drivers.opcua.inspect:build",
    advise=advise,
    companions=companions,
)
