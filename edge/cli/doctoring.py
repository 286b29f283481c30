"""The command `doctor`: a look at everything that the gateway depends on."""

import asyncio
import json
import os
from collections.abc import Sequence
from typing import Annotated

import typer

from edge.cli.exits import EXIT_FAILURE
from edge.cli.place import running
from edge.cli.terminal import AsJson, Config, StateDir, quiet_logs, state_of, wide
from edge.clock import SystemClock
from edge.config.spelling import one_of
from edge.doctor import screen
from edge.doctor.connections import LIMIT_S
from edge.doctor.doctor import diagnose
from edge.loop import new_event_loop
from edge.settings import Connection, Settings, load


def doctor(
    config: Config,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CONNECTION", help="Look at this connection alone; repeatable."),
    ] = None,
    limit: Annotated[float, typer.Option(min=1.0, help="Longest time for one connection, seconds.")] = LIMIT_S,
    state_dir: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Connect to everything once, change nothing, and say what is wrong and what to do about it.

    It works beside a running daemon and without one. Exit code 1 if anything was found that keeps the gateway from its
    work (marked ✗); warnings alone are 0.
    """
    quiet_logs()
    settings = load(config, os.environ)
    chosen = _chosen(settings, only) if only else None
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        state = state_of(settings, state_dir)
        gateway = running(state, settings)
        work = diagnose(settings, state, SystemClock(), os.environ, only=chosen, limit_s=limit, gateway=gateway)
        found = runner.run(work)
    if as_json:
        print(json.dumps(found.document(), ensure_ascii=False))  # noqa: T201
    else:
        wide(screen.diagnosis(found))
    if not found.is_sound:
        raise typer.Exit(EXIT_FAILURE)


def _chosen(settings: Settings, names: Sequence[str]) -> list[Connection]:
    known = {connection.name: connection for connection in settings.connections}
    for name in names:
        if name not in known:
            raise typer.BadParameter(f'there is no connection "{name}" with devices; {one_of(name, known)}')
    return [known[name] for name in dict.fromkeys(names)]
