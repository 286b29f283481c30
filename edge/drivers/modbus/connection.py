"""What the configuration says about a Modbus connection: a TCP server, or a serial line, in one of six forms."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field as Option
from pydantic import ValidationInfo, field_validator, model_validator

from edge.drivers.spec import ConnectionOptions, Held, Options
from edge.units import Duration

# a character on a serial line: start bit, eight data bits, parity or a second stop bit, stop bit
_RATES = Annotated[int, Option(ge=300, le=4_000_000)]
_PORT, _SECURE_PORT = 502, 802


class Form(StrEnum):
    """How requests travel."""

    TCP = "tcp"
    TLS = "tls"
    RTU = "rtu"
    ASCII = "ascii"
    RTU_OVER_TCP = "rtu-over-tcp"
    ASCII_OVER_TCP = "ascii-over-tcp"

    @property
    def is_serial(self) -> bool:
        """Whether the line hangs on a serial port of this machine."""
        return self in {Form.RTU, Form.ASCII}


_SERIAL = frozenset({Form.RTU, Form.ASCII})
_NETWORK = frozenset(Form) - _SERIAL
# keys that only some forms have, and what stands in their place in the others
_FORMS_OF = {
    "host": _NETWORK,
    "baud": frozenset(Form) - {Form.TCP, Form.TLS},
    "parity": _SERIAL,
    "stop_bits": _SERIAL,
    "data_bits": frozenset({Form.ASCII}),
    "tls": frozenset({Form.TLS}),
}
_INSTEAD = {
    "host": "a serial line has a `port`, such as /dev/ttyUSB0; is it `rtu-over-tcp`?",
    "baud": "nothing of it is set over a network",
    "parity": "nothing of it is set over a network; set it in the device server",
    "stop_bits": "nothing of it is set over a network; set it in the device server",
    "data_bits": "RTU always has 8",
    "tls": "write `modbus: tls` for a secured connection",
}


class TlsOptions(Options):
    """How a server is trusted, and how we show who we are (Modbus/TCP Security).

    Attributes:
        ca: File with the certificates that sign the server's (PEM); the operating system's if absent.
        certificate: File with our own certificate and those that lead to its authority (PEM); most servers want one.
        key: File with its private key (PEM).
        server_name: The name in the server's certificate, where it is not `host`.
    """

    ca: Annotated[str, Option(min_length=1)] | None = None
    certificate: Annotated[str, Option(min_length=1)] | None = None
    key: Annotated[str, Option(min_length=1)] | None = None
    server_name: Annotated[str, Option(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_a_pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` go together")
        return self


class ModbusConnection(ConnectionOptions):
    """A Modbus server, or a line of units behind a serial port.

    Attributes:
        modbus: `tcp`, `tls`, `rtu`, `ascii`, `rtu-over-tcp` or `ascii-over-tcp`.
        host: Name or address; not of a serial line.
        port: TCP port, 502 if absent (tls 802); of a serial line the device, such as /dev/ttyUSB0 or COM3.
        timeout: Longest wait for an answer, seconds. Beyond it an answer is lost, so leave room for a busy device.
        retries: How often an unanswered request is repeated before its unit counts as not answering.
        baud: Bits per second of the serial line; behind a device server it only serves the plan.
        parity, stop_bits: Of a serial port. Without parity many devices have two stop bits.
        data_bits: Of ASCII, 7 or 8.
        turnaround: How long devices take until they answer, as the plan reckons it; seconds, None for what is usual.
        when_overloaded: What becomes of a plan that the line cannot keep: `refuse` the file, or `stretch` the periods.
        tls: How a `tls` server is trusted.
    """

    modbus: Form
    host: Annotated[str, Option(min_length=1)] | None = None
    port: Annotated[int, Option(ge=1, le=65535)] | Annotated[str, Option(min_length=1)] | None = None
    timeout: Annotated[Duration, Option(gt=0, le=60)] = 1.0
    retries: Annotated[int, Option(ge=0, le=10)] = 1
    baud: _RATES = 19200
    parity: Literal["none", "even", "odd"] = "even"
    stop_bits: Literal[1, 2] = 1
    data_bits: Literal[7, 8] = 7
    turnaround: Annotated[Duration, Option(ge=0, le=60)] | None = None
    when_overloaded: Literal["refuse", "stretch"] = "refuse"
    tls: TlsOptions | None = None

    @field_validator("host", "baud", "parity", "stop_bits", "data_bits", "tls")
    @classmethod
    def _fits_its_form(cls, value: object, info: ValidationInfo) -> object:
        form, key = info.data.get("modbus"), str(info.field_name)
        if isinstance(form, Form) and form not in _FORMS_OF[key]:
            raise ValueError(f"`{key}` is not a key of `modbus: {form}`; {_INSTEAD[key]}")
        return value

    @field_validator("port")
    @classmethod
    def _is_a_port(cls, port: int | str | None, info: ValidationInfo) -> int | str | None:
        form = info.data.get("modbus")
        if not isinstance(form, Form) or port is None:
            return port
        if form.is_serial and (isinstance(port, int) or port.isdecimal()):
            raise ValueError("expected a serial port, such as /dev/ttyUSB0 or COM3")
        if not form.is_serial and isinstance(port, str):
            raise ValueError("expected a TCP port, 1..65535 (or `modbus: rtu` for a serial line)")
        return port

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.modbus.is_serial and self.port is None:
            raise ValueError('the key "port" is missing; a serial line has one, such as /dev/ttyUSB0')
        if not self.modbus.is_serial and self.host is None:
            raise ValueError('the key "host" is missing')
        return self

    @property
    def held(self) -> Held | None:
        """The serial port: requests of two masters would run into each other."""
        if not self.modbus.is_serial:
            return None
        return Held("port", str(self.port), "a line has one master: put its devices on that connection")

    @property
    def tcp_port(self) -> int:
        """The TCP port of a server."""
        return self.port if isinstance(self.port, int) else _SECURE_PORT if self.modbus is Form.TLS else _PORT

    @property
    def place(self) -> str:
        """Where it is, for people: `10.2.0.15:502`, `/dev/ttyUSB0`."""
        return str(self.port) if self.modbus.is_serial else f"{self.host}:{self.tcp_port}"
