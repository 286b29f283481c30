"""The command `run`: the daemon itself."""

import asyncio
import logging
import os
from enum import StrEnum
from typing import Annotated

import typer

from edge import gateway
from edge.cli.terminal import Config, StateDir, state_of
from edge.clock import SystemClock
from edge.loop import new_event_loop
from edge.settings import load
from shared import logs

# libraries that tell every request at level info
_CHATTY = ("asyncua", "httpcore", "httpx", "pymodbus")


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
        runner.run(gateway.run(settings, state_of(settings, state_dir), SystemClock(), os.environ))
