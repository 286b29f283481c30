"""The command line `tezgah-edge`: run a gateway, check its configuration, ask a running one how it is."""

import asyncio
import json
import logging
import os
import sys
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from edge import display, gateway
from edge.clock import SystemClock
from edge.config.mistakes import ConfigMistakes, Mistake
from edge.config.schema import json_schema
from edge.errors import AlreadyRunning, ConfigError
from edge.inquiry import NotAnswering, ask
from edge.loop import new_event_loop
from edge.settings import Settings, known_drivers, load
from edge.state import StateDirectory
from shared import logs
from shared.errors import AppError

EXIT_FAILURE = 1
EXIT_USAGE = 64
EXIT_RUNNING = 75
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130
_DEBUG = "--debug"
# libraries that tell every request at level info
_CHATTY = ("asyncua", "httpcore", "httpx", "pymodbus")

app = typer.Typer(
    name="tezgah-edge",
    help=(
        "The gateway beside the machines: reads them over OPC UA, Modbus and MQTT, keeps every reading on disk, and "
        "brings it to the cloud exactly once.\n\n"
        "Begin with a configuration (deploy/edge.example.yaml explains every key), `check` it, then `run` it.\n\n"
        "Exit codes: 0 all well, 1 failed, 64 wrong usage, 75 another daemon works here, 78 the configuration is "
        "wrong, 130 ended by a second signal before everything was drained."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_out = Console(highlight=False, soft_wrap=True, markup=False)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The lowest level shown."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Config = Annotated[Path, typer.Argument(help="The configuration, YAML.", metavar="CONFIG")]
StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", help="Where buffer and lock are; the directory of buffer.path if not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Take what stands before a command; `main` looks for --debug by itself, when an error has left every command."""


@app.command()
def run(
    config: Config,
    state_dir: StateDir = None,
    log_format: Annotated[
        LogFormat, typer.Option(help="console for people, json for a log collector.", envvar="TEZGAH_EDGE_LOG_FORMAT")
    ] = LogFormat.CONSOLE,
    log_level: Annotated[
        LogLevel, typer.Option(help="The lowest level shown.", envvar="TEZGAH_EDGE_LOG_LEVEL")
    ] = LogLevel.INFO,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; it drains and ends within 10 seconds, with exit code 0.

    A second signal ends it at once; nothing that was acknowledged is lost, it waits on disk.
    """
    logs.configure(log_format.value, log_level.value)
    if log_level is not LogLevel.DEBUG:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
    settings = load(config, os.environ)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(gateway.run(settings, _state(settings, state_dir), SystemClock(), os.environ))


@app.command()
def check(config: Config, as_json: AsJson = False) -> None:
    """Check a configuration without connecting to anything; shows every mistake with its line.

    References are looked up, so variables and files that it names must be there.
    """
    try:
        settings = load(config, os.environ)
        _build(settings)
    except ConfigError as error:
        if not as_json:
            raise
        mistakes = error.mistakes if isinstance(error, ConfigMistakes) else [Mistake(1, "connections", error.message)]
        print(msgspec.json.encode({"ok": False, "file": str(config), "mistakes": mistakes}).decode())  # noqa: T201
        raise typer.Exit(EXIT_CONFIG) from None
    if as_json:
        print(json.dumps({"ok": True, "file": str(config), **display.summary(settings)}))  # noqa: T201
    else:
        _out.print(display.overview(settings))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    With `# yaml-language-server: $schema=edge.schema.json` as a file's first line, most editors complete and check it.
    """
    print(json.dumps(json_schema(known_drivers()), indent=2))  # noqa: T201


@app.command()
def status(
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", help="Ask the daemon that works in this state directory.")
    ] = None,
    url: Annotated[
        str, typer.Option("--url", help="Ask the daemon whose health page is here.")
    ] = "http://127.0.0.1:9108",
    as_json: AsJson = False,
) -> None:
    """Ask a running gateway how it is; exit code 0 only if all is well."""
    if state_dir is not None:
        port = StateDirectory(state_dir).health_port()
        if port is None:
            raise NotAnswering(f"no daemon works in {state_dir}; start one with `tezgah-edge run`")
        url = f"http://127.0.0.1:{port}"
    document = ask(url)
    if as_json:
        print(json.dumps(document))  # noqa: T201
    else:
        _out.print(display.status(document))
    if document["status"] == "degraded":
        raise typer.Exit(EXIT_FAILURE)


@app.command()
def version() -> None:
    """Print the version."""
    print(metadata.version("tezgah"))  # noqa: T201


def main() -> None:
    """Run the command line and exit with one of the codes that `--help` lists."""
    try:
        app()
    except SystemExit as end:
        # typer ends wrong usage with 2, which is nothing of ours
        sys.exit(EXIT_USAGE if end.code == 2 else end.code)
    except (asyncio.CancelledError, KeyboardInterrupt):
        _err.print("ended before everything was drained; it waits on disk for the next start")
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if _DEBUG in sys.argv:
            raise
        cause = _cause(error)
        _err.print(f"[red]error:[/] {escape(_words(cause))}")
        sys.exit(_exit_code(cause))


def _cause(error: BaseException) -> BaseException:
    """Return what went wrong: of several things that went wrong at once, the first that can be named."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [_cause(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, AppError)), causes[0])


def _words(error: BaseException) -> str:
    if isinstance(error, ConfigMistakes):
        count = len(error.mistakes)
        return f"{count} {'mistake' if count == 1 else 'mistakes'} in the configuration\n{error.message}"
    if isinstance(error, AppError):
        return error.message
    return f"unexpected {type(error).__name__}: {error}; `tezgah-edge {_DEBUG} ..` shows where, please report it"


def _exit_code(error: BaseException) -> int:
    match error:
        case AlreadyRunning():
            return EXIT_RUNNING
        case ConfigError():
            return EXIT_CONFIG
        case _:
            return EXIT_FAILURE


def _build(settings: Settings) -> None:
    """Build what `run` would build first: a driver may refuse points that are sound one by one.

    Raises:
        ConfigError: A driver refuses its points.
    """
    for connection in settings.connections:
        connection.spec.build(connection.name, connection.options, connection.points, SystemClock())


def _state(settings: Settings, state_dir: Path | None) -> StateDirectory:
    return StateDirectory((state_dir or settings.buffer_path.parent).absolute())
