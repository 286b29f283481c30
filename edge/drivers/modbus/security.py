"""The TLS context of a secured Modbus connection: whom it trusts, and who it says it is."""

import ssl

from edge.drivers.modbus.connection import TlsOptions
from edge.errors import DriverError


def context_of(name: str, options: TlsOptions) -> ssl.SSLContext:
    """Make a context that verifies the server's certificate and its name, always (Modbus/TCP Security v21, 8).

    Raises:
        DriverError: A file cannot be read, or does not hold what it should; the message names the connection.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        file = str(options.ca)
        if options.ca is not None:
            context.load_verify_locations(options.ca)
        file = f"{options.certificate} with {options.key}"
        if options.certificate is not None:
            context.load_cert_chain(options.certificate, options.key)
    except OSError as error:
        # ssl.SSLError is one too
        reason = error.strerror or str(error)
        raise DriverError(f"{name}: {file} cannot be used ({reason}); expected PEM files") from error
    return context
