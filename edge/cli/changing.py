"""The commands that change a running gateway: `plan` shows what a configuration would change, `apply` changes it."""

import json
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from edge import display
from edge.cli.exits import EXIT_CONFIG, EXIT_FAILURE
from edge.cli.place import buffer_file
from edge.cli.terminal import AsJson, Config, StateDir, err, out
from edge.errors import ConfigError
from edge.live.apply import Verdict
from edge.live.client import ask


def plan(config: Config, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Show what a configuration would change of the gateway that runs; changes nothing.

    The gateway itself reads the file, with its own environment. Exit code 78 if it is wrong.
    """
    for piece in ask(_directory(config, state_dir), "plan", config):
        _stop_at_an_error(piece, as_json=as_json)
        if as_json:
            print(json.dumps(piece))  # noqa: T201
        else:
            out.print(display.difference(piece["difference"]))


def apply(config: Config, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Let the gateway that runs take up a configuration: only connections that differ are opened anew.

    If tags that were good are not good again within gateway.rollback_after, it goes back by itself. Exit code 0 if the
    configuration runs, 1 if it was rolled back or only a start can take it up, 78 if it is wrong.
    """
    verdict = ""
    for piece in ask(_directory(config, state_dir), "apply", config):
        _stop_at_an_error(piece, as_json=as_json)
        verdict = piece.get("verdict", "")
        if as_json:
            print(json.dumps(piece))  # noqa: T201
        elif verdict:
            out.print(f"{verdict.replace('_', ' ')}: {piece['message']}")
        else:
            out.print(display.difference(piece["difference"]))
    if verdict not in {Verdict.APPLIED, Verdict.UNCHANGED}:
        raise typer.Exit(EXIT_FAILURE)


def _stop_at_an_error(piece: dict[str, Any], *, as_json: bool) -> None:
    if "error" not in piece:
        return
    if as_json:
        print(json.dumps(piece))  # noqa: T201
    else:
        err.print(f"[red]error:[/] {escape(piece['error'])}")
    raise typer.Exit(EXIT_CONFIG if piece["code"] == ConfigError.code else EXIT_FAILURE)


def _directory(config: Path, state_dir: Path | None) -> Path:
    """Return where the gateway works; its configuration need not be sound for that, nor its secrets at hand."""
    return state_dir.absolute() if state_dir is not None else buffer_file(config, None).parent
