"""The command line `tezgah-sim`: simulators for integrators, and the demo."""

import asyncio
import csv
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from shared.errors import AppError
from simulators import console as simulator_console
from simulators import joblog
from simulators.demo.run import EXIT_INTERRUPTED, Plan, run
from simulators.errors import DemoError
from simulators.service import Addresses

EXIT_FAILURE = 1
EXIT_USAGE = 64
_DEBUG = "--debug"
BEGIN = datetime(2026, 1, 5, 6)  # noqa: DTZ001 - a plant's own time, as such tables hold it

app = typer.Typer(
    name="tezgah-sim",
    help=(
        "Simulated machines that speak OPC UA, Modbus, MQTT and Sparkplug B, and the demo of the whole system.\n\n"
        "Begin with `demo`; with `run` you serve the machines alone, for a gateway or client of yours.\n\n"
        "Exit codes: 0 all well, 1 failed (for the demo: or not every reading is stored once), 64 wrong usage, "
        "130 interrupted before the count was done."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command("joblog")
def make_joblog(
    rows: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 1,
    dirt: Annotated[float, typer.Option(min=0, max=1, help="The share of rows with something wrong.")] = 0.15,
    begin: Annotated[datetime, typer.Option(help="When the first row starts, in the plant's time.")] = BEGIN,
) -> None:
    """Print a job log as CSV, with the dirt that such tables have; `tezgah-cloud import joblog` takes it."""
    writer = csv.writer(sys.stdout)
    writer.writerow(joblog.COLUMNS)
    for made in joblog.joblog(seed, rows, begin, dirt=dirt):
        writer.writerow("NULL" if cell is None else cell for cell in made.row.values())


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
    modbus_line: Annotated[
        bool, typer.Option("--modbus-line", help="Put the Modbus machines on a serial line too; its port is printed.")
    ] = False,
    sparkplug: Annotated[
        bool, typer.Option("--sparkplug", help="Put a Sparkplug B edge node on the broker too: Plant/Hall, filler-01..")
    ] = False,
    control_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Faults are ordered here, on loopback; 0 takes a free port.")
    ] = 8405,
    wait: Annotated[bool, typer.Option("--wait", help="Stand still until `begin` is typed.")] = False,
) -> None:
    """Serve a simulated plant.

    It obeys lines typed to it - begin, quiet, count, stop - and answers each with a line of JSON.

    Faults are ordered by HTTP:
    curl -d '{"protocol": "opcua", "fault": "stall", "seconds": 10}' http://127.0.0.1:8405/faults
    (GET tells which there are). Protocols are opcua, modbus, mqtt, and sparkplug with --sparkplug.
    """
    asyncio.run(
        simulator_console.serve(
            ledger,
            Addresses(
                host,
                opcua_port,
                modbus_port,
                mqtt_port,
                _address(broker) if broker else None,
                control_port,
                modbus_line,
                sparkplug,
            ),
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
    try:
        plan = Plan.read(directory, first_port, duration)
    except DemoError as error:
        raise typer.BadParameter(error.message) from error
    raise typer.Exit(run(plan, as_json=json_output))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise typer.BadParameter(f"{text!r} is not a broker's address; write HOST:PORT, such as 127.0.0.1:1883")
    return host, int(port)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Take what stands before a command; `main` looks for --debug by itself, when an error has left every command."""


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"{metadata.version('tezgah')}\n")


def main() -> None:
    """Run the command line and exit with one of the codes that `--help` lists."""
    try:
        app()
    except SystemExit as end:
        # typer ends wrong usage with 2, which is nothing of ours
        sys.exit(EXIT_USAGE if end.code == 2 else end.code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if _DEBUG in sys.argv:
            raise
        _errors.print(f"[red]error:[/] {escape(_words(error))}")
        sys.exit(EXIT_FAILURE)


def _words(error: Exception) -> str:
    match error:
        case AppError():
            return error.message
        case OSError():
            return str(error)
        case _:
            return f"unexpected {type(error).__name__}: {error}; `tezgah-sim {_DEBUG} ..` shows where, please report it"
