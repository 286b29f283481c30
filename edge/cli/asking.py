"""The command `status`: how a running gateway is."""

import json

import typer

from edge import display
from edge.cli.exits import EXIT_FAILURE
from edge.cli.place import ByConfig, ByStateDir, ByUrl, daemon
from edge.cli.terminal import AsJson, out


def status(config: ByConfig = None, state_dir: ByStateDir = None, url: ByUrl = None, as_json: AsJson = False) -> None:
    """Ask a running gateway how it is; exit code 0 only if all is well."""
    document = daemon(config, state_dir, url).health()
    if as_json:
        print(json.dumps(document))  # noqa: T201
    else:
        out.print(display.status(document))
    if document["status"] == "degraded":
        raise typer.Exit(EXIT_FAILURE)
