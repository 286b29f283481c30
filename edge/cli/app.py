"""The command line `tezgah-edge`: the visible list of its commands, and how it ends."""

import asyncio
import sys
from importlib import metadata
from typing import Annotated

import typer
from rich.markup import escape

from edge.cli.asking import status
from edge.cli.browsing import browse
from edge.cli.buffering import buffer
from edge.cli.bundling import support_bundle
from edge.cli.changing import apply, plan
from edge.cli.checking import check, schema
from edge.cli.doctoring import doctor
from edge.cli.enrolling import enrol
from edge.cli.exits import DEBUG, EXIT_INTERRUPTED, EXIT_USAGE, cause_of, code_for, words_for
from edge.cli.initing import init
from edge.cli.reading import read
from edge.cli.running import run
from edge.cli.terminal import err
from edge.cli.torturing import torture
from edge.cli.trusting import trust
from edge.cli.watching import tap, top

app = typer.Typer(
    name="tezgah-edge",
    help=(
        "The gateway beside the machines: reads them over OPC UA, Modbus, MQTT and Sparkplug B, keeps every reading on "
        "disk, and brings it to the cloud exactly once.\n\n"
        "Begin with `init`, which writes a configuration; then `check`, `doctor` and `run` it. `browse` finds what "
        "there is to read; deploy/edge.example.yaml explains every key.\n\n"
        "Exit codes: 0 all well, 1 failed, 64 wrong usage, 75 another daemon works here, 78 the configuration is "
        "wrong, 130 ended by a second signal before everything was drained."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Take what stands before a command; `main` looks for --debug by itself, when an error has left every command."""


def version() -> None:
    """Print the version."""
    print(metadata.version("tezgah"))  # noqa: T201


# in the order in which --help shows them
for command in (
    *(init, enrol, check, doctor, browse, read, trust),
    *(run, plan, apply, status, top, tap),
    *(torture, support_bundle, schema, version),
):
    app.command()(command)
app.add_typer(buffer, name="buffer")


def main() -> None:
    """Run the command line and exit with one of the codes that `--help` lists."""
    try:
        app()
    except SystemExit as end:
        # typer ends wrong usage with 2, which is nothing of ours
        sys.exit(EXIT_USAGE if end.code == 2 else end.code)
    except (asyncio.CancelledError, KeyboardInterrupt):
        err.print("ended before everything was drained; it waits on disk for the next start")
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if DEBUG in sys.argv:
            raise
        cause = cause_of(error)
        err.print(f"[red]error:[/] {escape(words_for(cause))}")
        sys.exit(code_for(cause))
