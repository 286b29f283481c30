"""The command `enrol`: a gateway comes to its token."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.terminal import Config, err, out
from edge.ports import FIRST
from edge.remote.enrolling import candidate
from edge.remote.enrolling import enrol as trade
from shared import logs


def enrol(
    config: Config,
    code: Annotated[
        str, typer.Argument(help="As `tezgah-cloud gateway enrol` printed it; case, blanks and dashes do not matter.")
    ],
    token_file: Annotated[
        Path | None,
        typer.Option(help="Write the token here, and not where cloud.token of the configuration refers to."),
    ] = None,
    destination: Annotated[str, typer.Option(help="At which cloud: `cloud`, or one of `destinations`.")] = FIRST,
) -> None:
    """Trade a one-time code of the cloud's for this gateway's token, and write it where the configuration refers to.

    A daemon that runs takes it up by itself, within a minute or so. What token the gateway had is worthless then.
    """
    logs.configure("console", "WARNING")
    who = candidate(config, os.environ, token_file, destination)
    written = asyncio.run(trade(who, code))
    out.print(f"gateway {who.gateway} is enrolled at {who.cloud.url}; its token is in {written}")
    err.print(f"next: tezgah-edge check {config}, then tezgah-edge doctor {config}")
