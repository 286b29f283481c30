"""What a connection's address says: its protocol and the options that follow from it; pure."""

from urllib.parse import urlsplit

from edge.errors import ConfigError

FORMS = "opc.tcp://HOST:4840, mqtt://HOST:1883 (also mqtts, ws, wss) or modbus://HOST:502"


def connection(url: str, client_id: str) -> tuple[str, dict[str, object]]:
    """Return a usual name for a connection to this address, and what the configuration says of it.

    Args:
        url: One of `FORMS`.
        client_id: For a broker.

    Raises:
        ConfigError: It is none of them.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise ConfigError(f"{url!r} is no address of a connection; expected {FORMS}")
    match parts.scheme:
        case "opc.tcp":
            return "plc", {"opcua": url}
        case "mqtt" | "mqtts" | "ws" | "wss":
            return "broker", {"mqtt": url, "client_id": client_id}
        case "modbus":
            return "line", {"modbus": "tcp", "host": host, **({"port": port} if port else {})}
        case _:
            raise ConfigError(f"{url!r} is no address of a connection; expected {FORMS}")
