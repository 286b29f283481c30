"""The command that lets an engineer take an OPC UA server for genuine: `trust`."""

import asyncio
import json
import os
from typing import Annotated

import typer

from edge.cli.terminal import AsJson, Config, StateDir, out, quiet_logs, state_of
from edge.clock import SystemClock
from edge.drivers.inspection import with_names
from edge.drivers.opcua.config import OpcUaConnection
from edge.errors import ConfigError, DriverRefused
from edge.settings import Connection, Settings, load


def trust(
    config: Config,
    connection: Annotated[
        str | None, typer.Argument(help="One connection; all secured OPC UA connections if not given.")
    ] = None,
    accept: Annotated[
        str | None, typer.Option(metavar="FINGERPRINT", help="Trust the server that shows this certificate.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Trust what is shown now, whatever it is.")] = False,
    state_dir: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the certificates of OPC UA servers, and trust them from now on.

    Compare the fingerprint with what the server's own page or engineering tool shows, then accept it with --accept. A
    running gateway takes it up by itself within a minute. Without --accept and --yes nothing is changed.
    """
    # loads the protocol's library, which other commands do without
    from edge.drivers.opcua.showing import Shown, shown  # noqa: PLC0415

    quiet_logs()
    settings = load(config, os.environ)
    state = state_of(settings, state_dir).path
    chosen = _chosen(settings, connection)

    async def ask() -> list[Shown]:
        return [await shown(each.name, _options(each), state, SystemClock()) for each in chosen]

    found = asyncio.run(ask())
    if accept is not None or yes:
        for certificate in found:
            if not certificate.is_trusted and (yes or certificate.matches(accept or "")):
                certificate.accept()
        if accept is not None and not any(certificate.matches(accept) for certificate in found):
            raise DriverRefused(
                f"nobody shows the certificate {accept}; shown are "
                f"{', '.join(certificate.fingerprint for certificate in found)}: nothing was accepted"
            )
    if as_json:
        print(json.dumps([certificate.document() for certificate in found]))  # noqa: T201
    else:
        for certificate in found:
            out.print(with_names(certificate.words(), str(config), certificate.connection))
    if any(not certificate.is_trusted for certificate in found):
        raise typer.Exit(1)


def _chosen(settings: Settings, name: str | None) -> list[Connection]:
    secured = [each for each in settings.connections if each.spec.protocol == "opcua" and _options(each).is_secured]
    chosen = [each for each in secured if name in (None, each.name)]
    if not chosen:
        what = f"{name} is no OPC UA connection with security" if name else "no OPC UA connection has security"
        known = ", ".join(each.name for each in secured) or "none"
        raise ConfigError(f"{settings.file}: {what}; secured are: {known}. Add `security: {{policy: Basic256Sha256}}`")
    return chosen


def _options(connection: Connection) -> OpcUaConnection:
    assert isinstance(connection.options, OpcUaConnection)  # noqa: S101 - its protocol says so
    return connection.options
