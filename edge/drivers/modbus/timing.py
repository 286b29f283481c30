"""How long an exchange takes on a Modbus line: characters, silences, turnaround; pure.

Source: Modbus over Serial Line V1.02, 2.5.1: a character of RTU has 11 bits, frames are parted by 3.5 characters of
silence, and above 19200 baud by 1.75 ms.
"""

from edge.drivers.modbus.connection import Form, ModbusConnection
from edge.drivers.modbus.plan import Request

_CHARACTER_BITS = 11
_SILENT_CHARACTERS = 3.5
_FAST_BAUD, _FAST_SILENCE_S = 19200, 0.00175
# what devices usually take: a meter on a serial line some 5 to 50 ms; a network alone is never faster than this
_SERIAL_TURNAROUND_S, _NETWORK_TURNAROUND_S = 0.010, 0.0002
# characters of a request, and of an answer without its data (Modbus over Serial Line V1.02, 2.5.1 and 2.5.2)
_RTU = (8, 5)
_ASCII = (17, 11)


def silence_s(baud: int) -> float:
    """Return the silence between two frames of RTU, seconds."""
    return _FAST_SILENCE_S if baud > _FAST_BAUD else _SILENT_CHARACTERS * _CHARACTER_BITS / baud


def data_size(request: Request) -> int:
    """Return how many bytes of data a whole answer has."""
    return (request.count + 7) // 8 if request.table.is_bits else 2 * request.count


def turnaround_s(options: ModbusConnection) -> float:
    """Return how long a device takes until it answers, as far as is known."""
    if options.turnaround is not None:
        return options.turnaround
    return _NETWORK_TURNAROUND_S if options.modbus in {Form.TCP, Form.TLS} else _SERIAL_TURNAROUND_S


def wire_s(options: ModbusConnection, request: Request) -> float:
    """Return how long a request and its whole answer travel, seconds; nothing where there is no serial line."""
    match options.modbus:
        case Form.TCP | Form.TLS:
            return 0.0
        case Form.RTU | Form.RTU_OVER_TCP:
            characters = sum(_RTU) + data_size(request)
            silences = 2 * silence_s(options.baud)
        case Form.ASCII | Form.ASCII_OVER_TCP:
            characters = sum(_ASCII) + 2 * data_size(request)
            silences = 0.0
    return characters * _character_bits(options) / options.baud + silences


def exchange_s(options: ModbusConnection, request: Request) -> float:
    """Return how long the line is taken by one request that is answered, seconds."""
    return wire_s(options, request) + turnaround_s(options)


def _character_bits(options: ModbusConnection) -> int:
    """Return the bits of a character as the port is set: start, data, parity, stop."""
    if not options.modbus.is_serial:
        return _CHARACTER_BITS
    data = options.data_bits if options.modbus is Form.ASCII else 8
    return 1 + data + (options.parity != "none") + options.stop_bits
