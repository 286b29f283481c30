"""The command `read`: every tag once, over a connection of its own, and nothing else."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from edge.cli.exits import EXIT_FAILURE
from edge.cli.terminal import AsJson, Config, StateDir, quiet_logs, state_of, wide
from edge.clock import SystemClock
from edge.doctor import screen
from edge.doctor.connections import LIMIT_S, examine
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Severity
from edge.inquiry import Refused
from edge.loop import new_event_loop
from edge.settings import Connection, Settings, load

# a message names this many devices
_NAMED = 10


def read(
    config: Config,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="[TAG..]", help="Words that stand in `device.tag`; every tag if none.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Read once and end; there is no other way so far.")] = True,  # noqa: ARG001
    state_dir: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Read tags once and print them as the gateway would keep them; beside a running daemon or without one.

    Exit code 1 if a connection was not reached or a tag could not be read.
    """
    quiet_logs()
    settings = load(config, os.environ)
    chosen = _chosen(settings, tags or [])
    if not chosen:
        devices = dict.fromkeys(point.device for connection in settings.connections for point in connection.points)
        known = ", ".join([*list(devices)[:_NAMED], *([".."] if len(devices) > _NAMED else [])])
        raise Refused(f"no tag has {' or '.join(map(repr, tags or []))} in its name; devices are {known or 'none yet'}")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        state = state_of(settings, state_dir).path
        sections = runner.run(examine(chosen, state, SystemClock(), limit_s=LIMIT_S, config=str(config)))
    if as_json:
        for section in sections:
            for row in section.document()["devices"]:
                print(json.dumps({"connection": section.name, **row}, ensure_ascii=False))  # noqa: T201
            if not section.tables:
                # what kept them from being read stands in no row
                for finding in section.sorted():
                    typer.echo(f"{section.name}: {finding.message}", err=True)
    else:
        for section in sections:
            wide(screen.readings(section))
    if any(_is_bad(section) for section in sections):
        raise typer.Exit(EXIT_FAILURE)


def _chosen(settings: Settings, tags: Sequence[str]) -> list[Connection]:
    """Return the connections that are needed, each with the tags that are meant."""
    found = []
    for connection in settings.connections:
        points = tuple(
            point
            for point in connection.points
            if not tags or any(words.lower() in f"{point.device}.{point.name}".lower() for words in tags)
        )
        if points or (not tags and connection.families):
            found.append(replace(connection, points=points))
    return found


def _is_bad(section: Section) -> bool:
    rows = [row for table in section.tables for row in table.rows]
    return any(row.quality == "bad" for row in rows) or (not rows and section.worst is Severity.ERROR)
