import pytest

from edge.drafting.address import connection
from edge.errors import ConfigError
from edge.settings import known_drivers


@pytest.mark.parametrize(
    ("url", "name", "protocol"),
    [
        ("opc.tcp://h:4840/path", "plc", "opcua"),
        ("mqtt://h", "broker", "mqtt"),
        ("mqtts://h:8883", "broker", "mqtt"),
        ("modbus://10.0.0.6", "line", "modbus"),
        ("modbus://h:1502", "line", "modbus"),
    ],
)
def test_an_address_becomes_options_that_its_driver_takes(url: str, name: str, protocol: str) -> None:
    found, options = connection(url, "me")
    assert found == name
    known_drivers()[protocol].connection.model_validate(options)


@pytest.mark.parametrize("url", ["", "h:502", "http://h", "modbus://", "modbus://h:x", "opc.tcp:///x"])
def test_anything_else_is_told_with_the_forms(url: str) -> None:
    with pytest.raises(ConfigError, match=r"opc\.tcp://HOST:4840"):
        connection(url, "me")
