"""Modbus over TCP, TLS and serial lines: coalesced block reads, each on its own schedule, decoded by the block."""

from edge.drivers.modbus.budget import judge
from edge.drivers.modbus.config import ModbusDevice
from edge.drivers.modbus.connection import ModbusConnection
from edge.drivers.spec import DriverSpec

SPEC = DriverSpec(
    protocol="modbus",
    connection=ModbusConnection,
    device=ModbusDevice,
    factory="edge.drivers.modbus.driver:build",
    inspector="edge.drivers.modbus.inspect:build",
    judge=judge,
)
