"""The commands that ask a running gateway: `status`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from edge import display
from edge.cli.exits import EXIT_FAILURE
from edge.cli.terminal import AsJson, out
from edge.inquiry import NotAnswering, ask
from edge.state import StateDirectory


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
        out.print(display.status(document))
    if document["status"] == "degraded":
        raise typer.Exit(EXIT_FAILURE)
