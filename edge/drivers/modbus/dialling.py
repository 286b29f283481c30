"""How a connection is made, in each of its forms, and why it could not be; with `session` all that knows pymodbus."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, AsyncModbusTlsClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerType

from edge.drivers.modbus.connection import Form, ModbusConnection, TlsOptions
from edge.drivers.modbus.security import context_of

_PARITIES = {"none": "N", "even": "E", "odd": "O"}
# more unanswered requests than a session can live to see
_NEVER = 2**62


class Dialler:
    """Makes the client of one connection; afterwards it can say why that does not connect."""

    def __init__(self, name: str, options: ModbusConnection) -> None:
        self._name = name
        self._options = options
        # why the last attempt failed; pymodbus only logs it
        self._trouble: OSError | None = None

    def client(self, on_connection: Callable[[bool], None]) -> ModbusBaseClient:
        """Return a client that is not connected; it will not connect or repeat a request by itself.

        Raises:
            DriverError: A file for TLS cannot be used.
        """
        self._trouble = None
        client = self._serial(on_connection) if self._options.modbus.is_serial else self._network(on_connection)
        client.set_max_no_responses(_NEVER)
        client.ctx.call_create = partial(self._noted, client.ctx.call_create)
        return client

    def why_closed(self) -> str:
        """Say for people why a client did not connect, and what to look at."""
        options, place = self._options, self._options.place
        why = f" ({self._trouble.strerror or self._trouble})" if self._trouble else ""
        if options.modbus is Form.TLS:
            return f"no TLS session at {place} within {options.timeout:g} s{why}; check host, port and `tls`"
        if not options.modbus.is_serial:
            within = f"within {options.timeout:g} s"
            return f"no Modbus server takes connections at {place} {within}{why}; check host, port and cabling"
        if os.name == "posix" and not Path(place).exists():
            return f"there is no {place}; is it plugged in? `ls /dev/serial/by-id` shows names that stay"
        if os.name == "posix" and not os.access(place, os.R_OK | os.W_OK):
            return f"{place} may not be opened by this user; add it to the group that owns the port (dialout)"
        return f"{place} cannot be opened{why}; does another connection or program use it?"

    async def _noted(self, create: Callable[[], Any]) -> Any:
        try:
            return await create()
        except OSError as error:
            self._trouble = error
            raise
        except Exception as error:
            # pyserial lets through what termios says of settings that a port does not have
            self._trouble = OSError(f"{self._options.baud} baud, {self._options.parity} parity: {error.args[-1]}")
            raise self._trouble from error

    def _serial(self, on_connection: Callable[[bool], None]) -> ModbusBaseClient:
        options, is_ascii = self._options, self._options.modbus is Form.ASCII
        # a pseudo-terminal carries bytes; it has neither parity nor short characters, and refuses to be told of them
        is_pseudo = str(Path(str(options.port)).resolve()).startswith("/dev/pts/")
        return AsyncModbusSerialClient(
            str(options.port),
            framer=FramerType.ASCII if is_ascii else FramerType.RTU,
            baudrate=options.baud,
            bytesize=options.data_bits if is_ascii and not is_pseudo else 8,
            parity=_PARITIES["none" if is_pseudo else options.parity],
            stopbits=options.stop_bits,
            name=self._name,
            timeout=options.timeout,
            retries=0,
            reconnect_delay=0,
            trace_connect=on_connection,
        )

    def _network(self, on_connection: Callable[[bool], None]) -> ModbusBaseClient:
        options, host = self._options, str(self._options.host)
        if options.modbus is not Form.TLS:
            return AsyncModbusTcpClient(
                host,
                port=options.tcp_port,
                name=self._name,
                timeout=options.timeout,
                retries=0,
                reconnect_delay=0,
                trace_connect=on_connection,
            )
        tls = options.tls or TlsOptions()
        client = AsyncModbusTlsClient(
            host,
            port=options.tcp_port,
            sslctx=context_of(self._name, tls),
            name=self._name,
            timeout=options.timeout,
            retries=0,
            reconnect_delay=0,
            trace_connect=on_connection,
        )
        # pymodbus has no word for a certificate whose name is not the host's
        create = cast("partial[Any]", client.ctx.call_create)
        client.ctx.call_create = partial(create, server_hostname=tls.server_name or host)
        return client
