"""The command line `tezgah-sim`: simulators for integrators, and the demo."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shared.errors import AppError
from simulators import console as simulator_console
from simulators.demo.run import Plan, run
from simulators.service import Addresses

app = typer.Typer(
    name="tezgah-sim",
    help="Simulated machines that speak OPC UA, Modbus TCP and MQTT, and the demo of the whole system.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_errors = Console(stderr=True)


@app.command("run")
def run_simulators(
    ledger: Annotated[Path, typer.Option(help="File that lists every reading that was said.")] = Path("ledger.csv"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    opcua_port: Annotated[int, typer.Option(min=0, max=65535, help="OPC UA; 0 takes a free port.")] = 4840,
    modbus_port: Annotated[int, typer.Option(min=0, max=65535, help="Modbus TCP; 0 takes a free port.")] = 5020,
    mqtt_port: Annotated[int, typer.Option(min=0, max=65535, help="MQTT; 0 takes a free port.")] = 1883,
    broker: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Publish on this broker instead of serving one.")
    ] = None,
    machines: Annotated[int, typer.Option(min=1, max=64, help="Machines a protocol, 17 signals each.")] = 4,
    period: Annotated[float, typer.Option(min=0.001, help="Seconds between two values of a signal.")] = 0.5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same plant.")] = 1,
    wait: Annotated[bool, typer.Option("--wait", help="Stand still until `begin` is typed.")] = False,
) -> None:
    """Serve a simulated plant.

    It obeys lines typed to it - begin, quiet, count, stop - and answers each with a line of JSON.
    """
    asyncio.run(
        simulator_console.serve(
            ledger,
            Addresses(host, opcua_port, modbus_port, mqtt_port, _address(broker) if broker else None),
            machines_of_each=machines,
            period_s=period,
            seed=seed,
            waits=wait,
        )
    )


@app.command()
def demo(
    duration: Annotated[
        str | None, typer.Option("--for", help="Run this long (30s, 5min), then count and say the verdict.")
    ] = None,
    directory: Annotated[Path, typer.Option("--dir", help="Where the demo keeps its data.")] = Path(".demo"),
    first_port: Annotated[int, typer.Option(min=1024, max=65000, help="The first of five ports.")] = 8400,
    json_output: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Run a whole plant on this machine: simulators, a gateway, the cloud and its PostgreSQL.

    Without --for it shows the plant live until Ctrl-C. At the end it holds the simulators' ledger against
    the rows in the cloud; the exit code is 0 only when every reading is stored once.
    """
    raise typer.Exit(run(Plan.read(directory, first_port, duration), as_json=json_output))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise typer.BadParameter(f"{text!r} is not a broker's address; write HOST:PORT, such as 127.0.0.1:1883")
    return host, int(port)


def main() -> None:
    """Run the command line: 0 all well, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        app(standalone_mode=True)
    except AppError as error:
        _errors.print(f"[red]error:[/] {error.message}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        _errors.print(f"[red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
