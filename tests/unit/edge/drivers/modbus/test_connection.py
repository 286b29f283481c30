"""The configuration of a line says how it is reached, or why it cannot be."""

import pytest
from pydantic import ValidationError

from edge.drivers.modbus.connection import ModbusConnection

TCP = {"modbus": "tcp", "host": "10.2.0.15"}
RTU = {"modbus": "rtu", "port": "/dev/ttyUSB0"}


def connection(**options: object) -> ModbusConnection:
    return ModbusConnection.model_validate(options)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (TCP, "10.2.0.15:502"),
        ({"modbus": "tls", "host": "plc"}, "plc:802"),
        ({"modbus": "rtu-over-tcp", "host": "plc", "port": 4001, "baud": 9600}, "plc:4001"),
        ({"modbus": "ascii-over-tcp", "host": "plc"}, "plc:502"),
        (RTU, "/dev/ttyUSB0"),
        ({"modbus": "ascii", "port": "COM3", "data_bits": 8, "parity": "none", "stop_bits": 2}, "COM3"),
    ],
)
def test_each_form_has_its_place(options: dict[str, object], place: str) -> None:
    assert connection(**options).place == place


def test_what_is_not_said_is_the_standards() -> None:
    line = connection(**RTU)
    assert (line.baud, line.parity, line.stop_bits, line.timeout, line.retries) == (19200, "even", 1, 1.0, 1)


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({**TCP, "modbus": "udp"}, "modbus", "'tcp', 'tls'"),
        ({**TCP, "timeout": "0s"}, "timeout", "greater than 0"),
        ({**TCP, "port": 0}, "port", "expected a TCP port, 1..65535"),
        ({**TCP, "port": "/dev/ttyUSB0"}, "port", "expected a TCP port, 1..65535 (or `modbus: rtu`"),
        ({**TCP, "retries": -1}, "retries", "greater than or equal to 0"),
        ({**TCP, "host": ""}, "host", "at least 1"),
        ({**TCP, "baud": 9600}, "baud", "`baud` is not a key of `modbus: tcp`; nothing of it is set over a network"),
        ({**TCP, "tls": {}}, "tls", "write `modbus: tls` for a secured connection"),
        ({**RTU, "host": "plc"}, "host", "a serial line has a `port`, such as /dev/ttyUSB0; is it `rtu-over-tcp`"),
        ({**RTU, "port": 502}, "port", "expected a serial port, such as /dev/ttyUSB0"),
        ({**RTU, "parity": "mark"}, "parity", "'none', 'even' or 'odd'"),
        ({**RTU, "data_bits": 7}, "data_bits", "RTU always has 8"),
        ({"modbus": "rtu-over-tcp", "host": "plc", "parity": "odd"}, "parity", "set it in the device server"),
    ],
)
def test_a_key_of_another_form_is_refused_at_its_place(options: dict[str, object], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        connection(**options)
    details = caught.value.errors()
    assert {detail["loc"][0] for detail in details} == {key}
    assert any(words in detail["msg"] for detail in details), details


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modbus": "tcp"}, 'the key "host" is missing'),
        ({"modbus": "rtu"}, 'the key "port" is missing; a serial line has one'),
        ({"modbus": "tls", "host": "plc", "tls": {"key": "plc.key"}}, "`certificate` and `key` go together"),
    ],
)
def test_a_connection_without_an_address_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        connection(**options)
